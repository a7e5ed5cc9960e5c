import { type ReadableAuth, type Store, stable } from './bindings.ts'
import { type LatchkeyErrorCode, isLatchkeyError } from './errors.ts'
import { guarded } from './machine/guarded.ts'
import type { AuthState } from './machine/state.ts'

// What `useDevices` and `useBackups` share: a list that belongs to the current identity or account.

/**
 * - `starting`: unknown yet; on a server and during hydration it is always this one.
 * - `none`: there is no owner of a list.
 * - `loading`: the list was not loaded yet.
 * - `ready`: the list is loaded. It stays while it is loaded again, and if that fails.
 * - `failed`: the list could not be loaded.
 */
export type ListPhase = 'starting' | 'none' | 'loading' | 'ready' | 'failed'

/** What is known of one owner's list. */
export interface Known<Item, Step> {
  items?: readonly Item[]
  /** Error code of the last loading. */
  unloaded?: LatchkeyErrorCode | undefined
  /** Error code of the last change. */
  refused?: LatchkeyErrorCode | undefined
  isBusy?: boolean
  /** What the list depends on besides its owner. */
  dependency?: unknown
  /** What the last change left for the next one. */
  step?: Step | undefined
  /** The last request for the list: only its answer counts. */
  loading?: unknown
}

/** What a list shows of itself. */
export interface ShownList {
  readonly phase: ListPhase
  readonly isBusy: boolean
  /** Of the last change, or, without one, of the last loading. */
  readonly failure: LatchkeyErrorCode | null
}

/** A list, with what its changes need. */
export type List<Item, Step, Shown> = readonly [
  store: Store<Shown>,
  /** Runs one change at a time, and loads the list again. Returns null while another one runs, and if it fails. */
  change: <Result>(act: (known: Known<Item, Step>) => Promise<Result>) => Promise<Result | null>,
  reload: () => Promise<void>,
  /** Returns what is known of the current owner's list. */
  follow: () => Known<Item, Step>,
]

/**
 * Creates a list that is loaded while a component follows it.
 *
 * @param ownerOf - returns the owner of the list or null, and what else it depends on. What is known of one owner
 *   says nothing about the next
 */
export function createList<Item, Step, Shown>(
  auth: ReadableAuth,
  ownerOf: (state: AuthState) => readonly [owner: string | null, dependency?: unknown],
  request: () => Promise<readonly Item[]>,
  show: (list: ShownList, known: Known<Item, Step>, state: AuthState) => Shown,
): List<Item, Step, Shown> {
  const listeners = new Set<() => void>()
  const notify = (): void => listeners.forEach((listener) => guarded(listener))
  let owner: string | null = null
  let known: Known<Item, Step> = {}

  function follow(): Known<Item, Step> {
    const [current, dependency] = ownerOf(auth.getState())
    if (current !== owner || dependency !== known.dependency) {
      if (current !== owner) known = {}
      owner = current
      known.dependency = dependency
      // A change loads it at its end.
      if (listeners.size && !known.isBusy) void load()
    }
    return known
  }

  async function load(): Promise<void> {
    const mine = known
    if (owner === null) return
    const asked = (mine.loading = request())
    const [items, error] = await asked.then(
      (listed) => [listed] as const,
      (error: unknown) => [null, error] as const,
    )
    if (mine.loading !== asked) return
    if (items) mine.items = items
    mine.unloaded = items ? undefined : isLatchkeyError(error) ? error.code : 'PROVIDER_FAILED'
    notify()
  }

  async function change<Result>(act: (known: Known<Item, Step>) => Promise<Result>): Promise<Result | null> {
    const mine = follow()
    if (mine.isBusy) return null
    mine.isBusy = true
    mine.refused = undefined
    notify()
    try {
      return await act(mine)
    } catch (error) {
      mine.refused = codeOf(error)
      return null
    } finally {
      // Also after a failure: the answer may have been lost, or what was to be changed was gone.
      if (mine === known) await load()
      mine.isBusy = false
      notify()
    }
  }

  const shown = (state: AuthState, phase: ListPhase, mine: Known<Item, Step>): Shown =>
    show({ phase, isBusy: !!mine.isBusy, failure: mine.refused ?? mine.unloaded ?? null }, mine, state)

  let serverState: Shown | undefined
  const getServerState = (): Shown => (serverState ??= shown(auth.getServerState(), 'starting', {}))
  const read = stable((state: AuthState): Shown => {
    const now = follow()
    if (state.phase === 'starting') return getServerState()
    if (owner === null) return shown(state, 'none', {})
    return shown(state, now.items ? 'ready' : now.unloaded ? 'failed' : 'loading', now)
  })

  let stop: () => void
  const subscribe: Store<Shown>['subscribe'] = (listener) => {
    const own = (): void => listener()
    if (!listeners.size) {
      stop = auth.subscribe(() => {
        follow()
        notify()
      })
      follow()
      // It may have changed since a component last showed it.
      void load()
    }
    listeners.add(own)
    return () => {
      if (listeners.delete(own) && !listeners.size) stop()
    }
  }

  const reload = (): Promise<void> => {
    follow().refused = undefined
    return load()
  }
  return [{ getState: () => read(auth.getState()), getServerState, subscribe }, change, reload, follow]
}

/** Anything else is a mistake in the program, and stays an exception. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (!isLatchkeyError(error)) throw error
  return error.code
}
