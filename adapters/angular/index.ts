import { DestroyRef, type Signal, afterNextRender, computed, inject, signal } from '@angular/core'
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
 * Returns the current state as a signal. During server rendering, and until the first rendering in the browser is done,
 * it is the constant `getServerState()`: no user is signed in, `phase` is `starting`. Call it in an injection context,
 * such as a field of a component.
 *
 * @param auth - the result of `createAuth`
 */
export function injectAuth(auth: ReadableAuth): Signal<AuthState>
/**
 * Returns a part of the current state as a signal. It changes when that part changes: compared with `Object.is`, and
 * plain objects and arrays member by member.
 *
 * @param auth - the result of `createAuth`
 * @param select - a function such as `({ session }) => session?.principal`; it may read other signals
 */
export function injectAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Signal<Selected>
export function injectAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): Signal<unknown> {
  return injectStore(auth, select)
}

/**
 * Returns the state of signing up or in as a signal, with the methods that continue it. During server rendering,
 * and until the first rendering in the browser is done, `phase` is `starting`. Call it in an injection context.
 *
 * @param auth - the result of `createAuth`
 */
export function injectUpgrade(auth: UpgradableAuth): Signal<Upgrade> {
  return injectStore(upgradeOf(auth), whole)
}

/**
 * Returns the devices of the current account as a signal, with the methods that change them. The list is loaded while a
 * component shows it. During server rendering, and until the first rendering in the browser is done, `phase` is
 * `starting`. Call it in an injection context.
 *
 * @param auth - the result of `createAuth`
 */
export function injectDevices(auth: DevicesAuth): Signal<Devices> {
  return injectStore(devicesOf(auth), whole)
}

/**
 * Returns the backups of the current identity as a signal, with the methods that make one. The list is loaded while a
 * component shows it. During server rendering, and until the first rendering in the browser is done, `phase` is
 * `starting`. Call it in an injection context.
 *
 * @param auth - the result of `createAuth`
 */
export function injectBackups(auth: BackupsAuth): Signal<Backups> {
  return injectStore(backupsOf(auth), whole)
}

function injectStore<State, Selected>(store: Store<State>, select: (state: State) => Selected): Signal<Selected> {
  const destroyRef = inject(DestroyRef)
  const state = signal(store.getServerState())
  // Does not run during server rendering.
  afterNextRender(() => {
    const follow = (): void => state.set(store.getState())
    follow()
    destroyRef.onDestroy(store.subscribe(follow))
  })
  const read = stable(select)
  return computed(() => read(state()))
}
