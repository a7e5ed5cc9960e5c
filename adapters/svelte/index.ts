import { onMount } from 'svelte'
import { createSubscriber } from 'svelte/reactivity'
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

/** A value that templates, `$derived` and `$effect` follow when they read `current`. */
export interface Current<Value> {
  readonly current: Value
}

/**
 * Returns the current state as `current`. During server rendering, and until the component is mounted, it is the
 * constant `getServerState()`: no user is signed in, `phase` is `starting`. Call it while a component is initialised.
 *
 * @param auth - the result of `createAuth`
 */
export function useAuth(auth: ReadableAuth): Current<AuthState>
/**
 * Returns a part of the current state as `current`. It changes when that part changes: compared with `Object.is`, and
 * plain objects and arrays member by member.
 *
 * @param auth - the result of `createAuth`
 * @param select - a function such as `({ session }) => session?.principal`; it may read other state
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Current<Selected>
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): Current<unknown> {
  return useStore(auth, select)
}

/**
 * Returns the state of signing up or in as `current`, with the methods that continue it. During server rendering,
 * and until the component is mounted, `phase` is `starting`. Call it while a component is initialised.
 *
 * @param auth - the result of `createAuth`
 */
export function useUpgrade(auth: UpgradableAuth): Current<Upgrade> {
  return useStore(upgradeOf(auth), whole)
}

/**
 * Returns the devices of the current account as `current`, with the methods that change them. The list is loaded while
 * a component shows it. During server rendering, and until the component is mounted, `phase` is `starting`. Call it
 * while a component is initialised.
 *
 * @param auth - the result of `createAuth`
 */
export function useDevices(auth: DevicesAuth): Current<Devices> {
  return useStore(devicesOf(auth), whole)
}

/**
 * Returns the backups of the current identity as `current`, with the methods that make one. The list is loaded while a
 * component shows it. During server rendering, and until the component is mounted, `phase` is `starting`. Call it while
 * a component is initialised.
 *
 * @param auth - the result of `createAuth`
 */
export function useBackups(auth: BackupsAuth): Current<Backups> {
  return useStore(backupsOf(auth), whole)
}

function useStore<State, Selected>(store: Store<State>, select: (state: State) => Selected): Current<Selected> {
  const selected = stable(select)
  let isMounted = false
  let shown: Selected
  // What the template was told to show. Other code may read `current`, and change `shown`, before the template does.
  let told: { readonly value: Selected } | undefined
  let update: (() => void) | undefined
  const track = createSubscriber((changed) => {
    update = changed
    return () => (update = undefined)
  })
  const read = (): Selected => selected(isMounted ? store.getState() : store.getServerState())

  // Runs only in a browser, after the page was hydrated.
  onMount(() => {
    isMounted = true
    follow()
    return store.subscribe(follow)
  })

  function follow(): void {
    if (hasChanged()) update?.()
  }

  function hasChanged(): boolean {
    try {
      const value = read()
      const isKnown = Object.is(value, shown) && Object.is(value, told?.value)
      told = { value }
      return !isKnown
    } catch {
      // The error is thrown again when the template reads the value, so that an error boundary catches it.
      return true
    }
  }

  return {
    get current() {
      track()
      shown = read()
      told ??= { value: shown }
      return shown
    },
  }
}
