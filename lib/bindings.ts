import type { Auth, ConflictPreview, ResolveOptions, UpgradeOptions, UpgradeResult } from './client/auth.ts'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from './errors.ts'
import type { Decision } from './machine/events.ts'
import { guarded } from './machine/guarded.ts'
import type { AuthState, Conflict, PendingUpgrade, WaitingAccount } from './machine/state.ts'

// What the bindings of the UI frameworks share. A binding adds only how its framework follows a store.

/** A source of state that a binding follows. */
export interface Store<State> {
  getState(): State
  /** The state during server rendering and hydration: always the same. */
  getServerState(): State
  /** Calls `listener` after each change, and returns a function that ends the subscription. */
  subscribe(listener: () => void): () => void
}

/** The part of `Auth` that `useAuth` needs. */
export type ReadableAuth = Pick<Auth, 'getServerState' | 'getState' | 'subscribe'>

/** The part of `Auth` that `useUpgrade` needs. */
export type UpgradableAuth = ReadableAuth &
  Pick<Auth, 'acceptAccount' | 'cancelUpgrade' | 'previewConflict' | 'resolveConflict' | 'upgrade'>

/** What `decide` accepts: `accept` in the phase `confirm`, the others in the phase `conflict`. */
export type UpgradeDecision = 'accept' | Decision

/** What the methods of {@link Upgrade} do. Their identity never changes. */
export interface UpgradeActions {
  /**
   * Signs up or in by calling `signIn`, or continues a pending upgrade with its next step. Failures are outcomes, shown
   * as `failure`. A call while `isBusy` does nothing and fails with `UPGRADE_IN_PROGRESS`.
   *
   * @param signIn - calls the account client, for example `() => authClient.signIn.email({ … })`
   */
  readonly run: (signIn: () => unknown, options?: UpgradeOptions) => Promise<UpgradeResult>
  /**
   * Answers the question of the phases `confirm` and `conflict`; `discard` needs `{ force: true }`. Fails as
   * {@link UpgradeActions.run} does.
   */
  readonly decide: (decision: UpgradeDecision, options?: ResolveOptions) => Promise<UpgradeResult>
  /**
   * Cancels a running attempt, and leaves the phases `pending`, `confirm` and `conflict`: this device's identity stays,
   * and the account's session ends.
   * Resolves also if it fails, with the code in `failure`.
   */
  readonly cancel: () => Promise<void>
}

interface UpgradeFacts extends UpgradeActions {
  /** True while an attempt, a decision or a sign-out is running: disable the buttons. The phase stays. */
  readonly isBusy: boolean
  /** The external step that is outstanding. */
  readonly pending: PendingUpgrade | null
  /** The account that is signed in on the account server, but is not current yet. */
  readonly account: WaitingAccount | null
  /** If `isTaken`, `adopt` is impossible. */
  readonly conflict: Conflict | null
  /** Both sides of the conflict; null until it is loaded, and if that fails. */
  readonly preview: ConflictPreview | null
  /** Error code of the last attempt, decision or cancellation, until the next one begins. */
  readonly failure: LatchkeyErrorCode | null
}

/**
 * The state of an upgrade, with the methods that lead on from it.
 *
 * - `starting`: unknown yet; on a server and during hydration it is always this one.
 * - `ready`: no account is current. `run` signs up or in.
 * - `pending`: a mail, a redirect, a code or a second factor is outstanding. `run` continues, `cancel` ends it.
 * - `confirm`: an account waits for the user's confirmation. Show `account`; then `decide('accept')` or `cancel`.
 * - `conflict`: the account has another principal, and this device has data. `decide` or `cancel`.
 * - `signed-in`: an account is current.
 * - `reauthenticate`: an account is current, but its session has ended. `run` signs in again.
 */
export type Upgrade = UpgradeFacts &
  (
    | { readonly phase: 'starting' | 'ready' | 'signed-in' | 'reauthenticate' }
    | { readonly phase: 'pending'; readonly pending: PendingUpgrade }
    | { readonly phase: 'confirm'; readonly account: WaitingAccount }
    | { readonly phase: 'conflict'; readonly account: WaitingAccount; readonly conflict: Conflict }
  )

/** The values of `phase` in {@link Upgrade}. */
export type UpgradePhase = Upgrade['phase']

const upgrades = new WeakMap<UpgradableAuth, Store<Upgrade>>()

/** Returns the upgrade of an identity, as a store. All components of a page share one. */
export function upgradeOf(auth: UpgradableAuth): Store<Upgrade> {
  const store = upgrades.get(auth) ?? createUpgrade(auth)
  upgrades.set(auth, store)
  return store
}

function createUpgrade(auth: UpgradableAuth): Store<Upgrade> {
  const listeners = new Set<() => void>()
  const notify = (): void => listeners.forEach((listener) => guarded(listener))
  const [actions, resultIn] = createActions(auth, notify)
  const [previewOf, loadPreview] = createPreview(auth, notify)
  const describe = (state: AuthState): Upgrade => {
    const { pending = null, conflict = null, account = conflict?.account ?? null } = state.upgrade ?? {}
    const facts = { phase: phaseOf(state), pending, account, conflict, preview: previewOf(conflict) }
    return Object.freeze({ ...facts, ...resultIn(state), ...actions } as Upgrade)
  }
  const show = stable(describe)
  const serverState = describe(auth.getServerState())
  let stop: () => void
  return {
    getState: () => show(auth.getState()),
    getServerState: () => serverState,
    subscribe(listener) {
      const own = (): void => listener()
      if (!listeners.size) {
        stop = auth.subscribe(() => {
          loadPreview()
          notify()
        })
        // The data may have changed since a component last showed it.
        loadPreview(true)
      }
      listeners.add(own)
      return () => {
        if (listeners.delete(own) && !listeners.size) stop()
      }
    },
  }
}

type Result = Pick<Upgrade, 'isBusy' | 'failure'>

/** Runs one action at a time, and keeps the failures that the state of `auth` does not show. */
function createActions(auth: UpgradableAuth, notify: () => void): [UpgradeActions, (state: AuthState) => Result] {
  let acting: Promise<unknown> | undefined
  let isAttempt = false
  let failure: LatchkeyErrorCode | undefined
  let whose: string

  async function act(action: () => Promise<UpgradeResult | void>, attempts = false): Promise<UpgradeResult> {
    if (acting) return { outcome: 'failed', error: new LatchkeyError('UPGRADE_IN_PROGRESS') }
    let end = (): void => {}
    acting = new Promise<void>((resolve) => (end = resolve))
    isAttempt = attempts
    failure = undefined
    notify()
    let result
    try {
      result = await action()
    } catch (error) {
      if (!isLatchkeyError(error)) throw error
      result = { outcome: 'failed', error } as const
    } finally {
      acting = undefined
      end()
      const code = (result as { readonly error?: LatchkeyError } | undefined)?.error?.code
      // A failed cancellation is what there is to tell about an attempt that it ended.
      if (code !== 'UPGRADE_CANCELLED' || !failure) show(code)
      else notify()
    }
    return result as UpgradeResult
  }

  function show(code: LatchkeyErrorCode | undefined): void {
    failure = code
    whose = identityOf(auth.getState())
    notify()
  }

  return [
    {
      run: (signIn, options) => act(() => auth.upgrade(signIn, options), true),
      decide: (decision, options) =>
        decision === 'accept'
          ? act(() => auth.acceptAccount(), true)
          : act(() => auth.resolveConflict(decision, options)),
      async cancel() {
        // In the phase `conflict`, an attempt waits for the app's policy.
        const attempt = isAttempt || auth.getState().phase === 'upgrading' ? acting : undefined
        if (!attempt) return void (await act(() => auth.cancelUpgrade()))
        try {
          await auth.cancelUpgrade()
          // The running attempt ends first. That it was cancelled is no failure to show.
          await attempt
          show(undefined)
        } catch (error) {
          if (!isLatchkeyError(error)) throw error
          // The attempt may still wait for the policy.
          show(error.code)
        }
      },
    },
    (state) => {
      const isBusy = acting !== undefined || state.phase === 'upgrading' || state.phase === 'signing-out'
      // A failure of one identity says nothing about the next.
      const own = whose === identityOf(state) ? failure : undefined
      // While an attempt runs, its own is that of cancelling it.
      const shown = isBusy ? acting && own : (own ?? state.upgrade?.failure)
      return { isBusy, failure: shown ?? null }
    },
  ]
}

function identityOf({ authMode, session }: AuthState): string {
  return authMode + session?.principal
}

type PreviewOf = (conflict: Conflict | null) => ConflictPreview | null

/** Loads both sides of the current conflict while a component shows it. */
function createPreview(auth: UpgradableAuth, notify: () => void): [PreviewOf, (isFresh?: boolean) => void] {
  let wanted: Conflict | undefined
  let loading: unknown
  let loaded: ConflictPreview | null
  return [
    (conflict) => (conflict && conflict === wanted ? loaded : null),
    (isFresh) => {
      const { conflict } = auth.getState().upgrade ?? {}
      if (conflict === wanted && !isFresh) return
      wanted = conflict
      loaded = null
      // Without a preview the user can still decide.
      const mine = (loading = conflict && auth.previewConflict().catch(() => null))
      void mine?.then((preview) => {
        if (mine !== loading) return
        loaded = preview
        notify()
      })
    },
  ]
}

function phaseOf({ authMode, error, phase, upgrade: { conflict, account, pending } = {} }: AuthState): UpgradePhase {
  if (phase === 'starting') return 'starting'
  if (conflict) return 'conflict'
  if (account) return 'confirm'
  if (pending) return 'pending'
  if (authMode !== 'external') return 'ready'
  return error === 'missing' || error === 'disabled' ? 'reauthenticate' : 'signed-in'
}

/** Returns the whole state. */
export function whole<State>(state: State): State {
  return state
}

/**
 * Wraps a selector so that it returns its previous result while the new one is equal: the same value, or a plain object
 * or array with the same members. A component that reads it renders only when the selection changes.
 */
export function stable<State, Selected>(select: (state: State) => Selected): (state: State) => Selected {
  let previous: Selected
  return (state) => {
    const next = select(state)
    return isEqual(previous, next) ? previous : (previous = next)
  }
}

function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (!isPlain(one) || !isPlain(other) || Array.isArray(one) !== Array.isArray(other)) return false
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && Object.is(one[key], other[key]))
  )
}

/** Other objects, such as a `Map`, keep their content out of sight. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  const prototype = value && typeof value === 'object' && Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype
}
