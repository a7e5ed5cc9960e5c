import type { ReadableAuth, Store } from './bindings.ts'
import type { Auth } from './client/auth.ts'
import type { AccountDevice, DeviceRevocation, RevokeDeviceOptions } from './client/shared/account-provider.ts'
import type { LatchkeyErrorCode } from './errors.ts'
import { type ListPhase, createList } from './list-bindings.ts'
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
  readonly phase: ListPhase
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

const stores = new WeakMap<DevicesAuth, Store<Devices>>()

/** Returns the devices of an identity's account, as a store. All components of a page share one. */
export function devicesOf(auth: DevicesAuth): Store<Devices> {
  const store = stores.get(auth) ?? createDevices(auth)
  stores.set(auth, store)
  return store
}

const NO_DEVICES: readonly AccountDevice[] = Object.freeze([])

function createDevices(auth: DevicesAuth): Store<Devices> {
  const [store, change, reload] = createList<AccountDevice, never, Devices>(
    auth,
    (state) => [accountOf(state)],
    async () => [...(await auth.devices())].sort(byUse),
    (list, { items: devices = NO_DEVICES }) => Object.freeze({ ...list, devices, ...actions }),
  )
  const actions: DeviceActions = {
    reload,
    rename: async (id, name) => void (await change(() => auth.renameDevice(id, name))),
    revoke: (id, options) => change(() => auth.revokeDevice(id, options)),
    revokeOthers: () => change(() => auth.revokeOtherDevices()),
  }
  return store
}

/** The account, and whether its session has ended: after the next sign-in the list is loaded again. */
function accountOf({ authMode, error, session }: AuthState): string | null {
  if (authMode !== 'external') return null
  return `${session?.principal} ${error === 'missing' || error === 'disabled'}`
}

function byUse(one: AccountDevice, other: AccountDevice): number {
  return Number(other.isCurrent) - Number(one.isCurrent) || other.lastSeenAt - one.lastSeenAt
}
