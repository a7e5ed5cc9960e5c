import { getCurrentScope, onMounted, onScopeDispose, type Ref, shallowRef, watchEffect } from 'vue'
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
 * Returns the current state as a ref. During server rendering, and until the component is mounted, it is the constant
 * `getServerState()`: no user is signed in, `phase` is `starting`. Call it in `setup`, or in a store that is first used
 * there: it follows the state until the effect scope of the call ends.
 *
 * @param auth - the result of `createAuth`
 */
export function useAuth(auth: ReadableAuth): Readonly<Ref<AuthState>>
/**
 * Returns a part of the current state as a ref. It changes when that part changes: compared with `Object.is`, and plain
 * objects and arrays member by member.
 *
 * @param auth - the result of `createAuth`
 * @param select - a function such as `({ session }) => session?.principal`; it may read other refs
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Readonly<Ref<Selected>>
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): Readonly<Ref<unknown>> {
  return useStore(auth, select)
}

/**
 * Returns the state of signing up or in as a ref, with the methods that continue it. During server rendering, and
 * until the component is mounted, `phase` is `starting`. Call it in `setup`.
 *
 * @param auth - the result of `createAuth`
 */
export function useUpgrade(auth: UpgradableAuth): Readonly<Ref<Upgrade>> {
  return useStore(upgradeOf(auth), whole)
}

/**
 * Returns the devices of the current account as a ref, with the methods that change them. The list is loaded while a
 * component shows it. During server rendering, and until the component is mounted, `phase` is `starting`. Call it in
 * `setup`.
 *
 * @param auth - the result of `createAuth`
 */
export function useDevices(auth: DevicesAuth): Readonly<Ref<Devices>> {
  return useStore(devicesOf(auth), whole)
}

/**
 * Returns the backups of the current identity as a ref, with the methods that make one. The list is loaded while a
 * component shows it. During server rendering, and until the component is mounted, `phase` is `starting`. Call it in
 * `setup`.
 *
 * @param auth - the result of `createAuth`
 */
export function useBackups(auth: BackupsAuth): Readonly<Ref<Backups>> {
  return useStore(backupsOf(auth), whole)
}

function useStore<State, Selected>(store: Store<State>, select: (state: State) => Selected): Readonly<Ref<Selected>> {
  const state = shallowRef(store.getServerState()) as Ref<State>
  const selected = shallowRef() as Ref<Selected>
  const read = stable(select)
  // Not `computed`: before Vue 3.4 it renders the component again even if its value is the same.
  watchEffect(() => void (selected.value = read(state.value)), { flush: 'sync' })
  // Not the scope of the mounted hook, which is the component's: this one may outlive it, as that of a Pinia store.
  const scope = getCurrentScope()
  onMounted(() => {
    const follow = (): void => void (state.value = store.getState())
    const start = (): void => {
      follow()
      onScopeDispose(store.subscribe(follow))
    }
    if (scope?.active) scope.run(start)
  })
  return selected
}
