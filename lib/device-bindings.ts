import { type ReadableAuth, type Store, stable } from './bindings.ts'
import type { Auth } from './client/auth.ts'
import type { AccountDevice, DeviceRevocation, RevokeDeviceOptions } from './client/shared/account-provider.ts'
import { type LatchkeyErrorCode, isLatchkeyError } from './errors.ts'
import { guarded } from './machine/guarded.ts'
import type { AuthState } from './machine/state.ts'

/** The part of `Auth` that `useDevices` needs. */
export type DevicesAuth = ReadableAuth & Pick<Auth, 'devices' | 'renameDevice' | 'revokeDevice' | 'revokeOtherDevices'>

/**
 * What the methods of {@link Devices} do. Their identity never changes. A failure is shown as `failure`; they reject
 * only for a programming error, such as an invalid argument.
 */
export interface DeviceActions {
  /** Loads the list again. */
  readonly reload: () => Promise<void>
  /**
   * Renames a device. A call while `isBusy` does nothing.
   *
   * @param name - 1 to 40 visible characters
   */
  readonly rename: (id: string, name: string) => Promise<void>
  /**
   * Revokes another device. A call while `isBusy` does nothing.
   *
   * @returns what was revoked, or null if that failed
   */
  readonly revoke: (id: string, options?: RevokeDeviceOptions) => Promise<DeviceRevocation | null>
  /**
   * Revokes all other devices. A call while `isBusy` does nothing.
   *
   * @returns what was revoked, or null if that failed
   */
  readonly revokeOthers: () => Promise<DeviceRevocation | null>
}

/**
 * The devices of the current account, with the methods that change them. The list is loaded while a component shows it,
 * and again after each change and for another account.
 *
 * - `starting`: unknown yet; on a server and during hydration it is always this one.
 * - `none`: no account is current.
 * - `loading`: the list was not loaded yet.
 * - `ready`: the list is loaded. It stays while it is loaded again, and if that fails.
 * - `failed`: the list could not be loaded. `failure` says why.
 */
export interface Devices extends DeviceActions {
  readonly phase: 'starting' | 'none' | 'loading' | 'ready' | 'failed'
  /** The current device first, then by `lastSeenAt`, the latest first. Empty until it is loaded. */
  readonly devices: readonly AccountDevice[]
  /** True while a change is running: disable the buttons. */
  readonly isBusy: boolean
  /**
   * Error code of the last change, or, without one, of the last loading. `SESSION_NOT_FRESH`: let the user sign in
   * again, then repeat the change.
   */
  readonly failure: LatchkeyErrorCode | null
}

/** The values of `phase` in {@link Devices}. */
export type DevicesPhase = Devices['phase']

const NO_DEVICES: readonly AccountDevice[] = Object.freeze([])

const stores = new WeakMap<DevicesAuth, Store<Devices>>()

/** Returns the devices of an identity's account, as a store. All components of a page share one. */
export function devicesOf(auth: DevicesAuth): Store<Devices> {
  const store = stores.get(auth) ?? createDevices(auth)
  stores.set(auth, store)
  return store
}

/** What is known of one account. */
interface Known {
  devices?: readonly AccountDevice[]
  /** Of the last loading. */
  unloaded?: LatchkeyErrorCode | undefined
  /** Of the last change. */
  refused?: LatchkeyErrorCode | undefined
  isBusy?: boolean
  /** The last request for the list: only its answer counts. */
  loading?: unknown
}

function createDevices(auth: DevicesAuth): Store<Devices> {
  const listeners = new Set<() => void>()
  const notify = (): void => listeners.forEach((listener) => guarded(listener))
  let account: string | null = null
  let known: Known = {}

  /** An answer for one account says nothing about the next. */
  function follow(): Known {
    const current = accountOf(auth.getState())
    if (current !== account) {
      account = current
      known = {}
      if (listeners.size) void load()
    }
    return known
  }

  async function load(): Promise<void> {
    const mine = known
    if (account === null) return
    const request = (mine.loading = auth.devices())
    const [devices, error] = await request.then(
      (listed) => [listed] as const,
      (error: unknown) => [null, error] as const,
    )
    if (mine.loading !== request) return
    if (devices) mine.devices = [...devices].sort(byUse)
    mine.unloaded = devices ? undefined : isLatchkeyError(error) ? error.code : 'PROVIDER_FAILED'
    notify()
  }

  async function change<Result>(act: () => Promise<Result>): Promise<Result | null> {
    const mine = follow()
    if (mine.isBusy) return null
    mine.isBusy = true
    mine.refused = undefined
    notify()
    try {
      return await act()
    } catch (error) {
      mine.refused = codeOf(error)
      return null
    } finally {
      // Also after a failure: the answer may have been lost, or the device was gone.
      if (mine === known) await load()
      mine.isBusy = false
      notify()
    }
  }

  const actions: DeviceActions = {
    async reload() {
      follow().refused = undefined
      await load()
    },
    rename: async (id, name) => void (await change(() => auth.renameDevice(id, name))),
    revoke: (id, options) => change(() => auth.revokeDevice(id, options)),
    revokeOthers: () => change(() => auth.revokeOtherDevices()),
  }

  function show(phase: DevicesPhase, { devices = NO_DEVICES, isBusy = false, refused, unloaded }: Known): Devices {
    return Object.freeze({ phase, devices, isBusy, failure: refused ?? unloaded ?? null, ...actions })
  }

  const serverState = show('starting', {})
  const read = stable((): Devices => {
    const { phase } = auth.getState()
    const now = follow()
    if (phase === 'starting') return serverState
    if (account === null) return show('none', {})
    return show(now.devices ? 'ready' : now.unloaded ? 'failed' : 'loading', now)
  })

  let stop: () => void
  return {
    getState: () => read(null),
    getServerState: () => serverState,
    subscribe(listener) {
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
    },
  }
}

/** The account, and whether its session has ended: after the next sign-in the list is loaded again. */
function accountOf({ authMode, error, session }: AuthState): string | null {
  if (authMode !== 'external') return null
  return `${session?.principal} ${error === 'missing' || error === 'disabled'}`
}

function byUse(one: AccountDevice, other: AccountDevice): number {
  return Number(other.isCurrent) - Number(one.isCurrent) || other.lastSeenAt - one.lastSeenAt
}

/** Anything else is a mistake in the program, and stays an exception. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (!isLatchkeyError(error)) throw error
  return error.code
}
