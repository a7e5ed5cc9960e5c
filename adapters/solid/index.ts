import { type Accessor, createMemo, createSignal, onCleanup, onMount } from 'solid-js'
import { type Backups, type BackupsAuth, backupsOf } from '../../lib/backup-bindings.ts'
import {
  type ReadableAuth,
  type Store,
  type UpgradableAuth,
  type Upgrade,
  stable,
  upgradeOf,
  whole,
} from '../../lib/bindings.ts'
import { type Devices, type DevicesAuth, devicesOf } from '../../lib/device-bindings.ts'
import type { AuthState } from '../../lib/index.ts'

export type { BackupActions, Backups, BackupsAuth, BackupsPhase } from '../../lib/backup-bindings.ts'
export type {
  ReadableAuth,
  UpgradableAuth,
  Upgrade,
  UpgradeActions,
  UpgradeDecision,
  UpgradePhase,
} from '../../lib/bindings.ts'
export type { DeviceActions, Devices, DevicesAuth, DevicesPhase } from '../../lib/device-bindings.ts'

/**
 * Returns the current state as an accessor. During server rendering, and until the component is mounted, it is the
 * constant `getServerState()`: no user is signed in, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`
 */
export function useAuth(auth: ReadableAuth): Accessor<AuthState>
/**
 * Returns a part of the current state as an accessor. It changes when that part changes: compared with `Object.is`, and
 * plain objects and arrays member by member.
 *
 * @param auth - the result of `createAuth`
 * @param select - a function such as `({ session }) => session?.principal`; it may read other signals
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Accessor<Selected>
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): Accessor<unknown> {
  return useStore(auth, select)
}

/**
 * Returns the state of signing up or in as an accessor, with the methods that continue it. During server rendering,
 * and until the component is mounted, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`
 */
export function useUpgrade(auth: UpgradableAuth): Accessor<Upgrade> {
  return useStore(upgradeOf(auth), whole)
}

/**
 * Returns the devices of the current account as an accessor, with the methods that change them. The list is loaded
 * while a component shows it. During server rendering, and until the component is mounted, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`
 */
export function useDevices(auth: DevicesAuth): Accessor<Devices> {
  return useStore(devicesOf(auth), whole)
}

/**
 * Returns the backups of the current identity as an accessor, with the methods that make one. The list is loaded while
 * a component shows it. During server rendering, and until the component is mounted, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`
 */
export function useBackups(auth: BackupsAuth): Accessor<Backups> {
  return useStore(backupsOf(auth), whole)
}

function useStore<State, Selected>(store: Store<State>, select: (state: State) => Selected): Accessor<Selected> {
  const [state, setState] = createSignal(store.getServerState())
  // Does not run during server rendering.
  onMount(() => {
    const follow = (): void => void setState(() => store.getState())
    follow()
    onCleanup(store.subscribe(follow))
  })
  const read = stable(select)
  return createMemo(() => read(state()))
}
