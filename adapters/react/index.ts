import * as React from 'react'
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
 * Returns the current state, and renders again after each change. During server rendering and hydration it is the
 * constant `getServerState()`: no user is signed in, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 */
export function useAuth(auth: ReadableAuth): AuthState
/**
 * Returns a part of the current state, and renders again when that part changes: compared with `Object.is`, and plain
 * objects and arrays member by member.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 * @param select - a pure function such as `({ session }) => session?.principal`; may be written inline
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Selected
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): unknown {
  return useStore(auth, select)
}

/**
 * Returns the state of signing up or in, with the methods that continue it. During server rendering and hydration
 * `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 */
export function useUpgrade(auth: UpgradableAuth): Upgrade {
  return useStore(upgradeOf(auth), whole)
}

/**
 * Returns the devices of the current account, with the methods that change them. The list is loaded while a component
 * shows it. During server rendering and hydration `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 */
export function useDevices(auth: DevicesAuth): Devices {
  return useStore(devicesOf(auth), whole)
}

/**
 * Returns the backups of the current identity, with the methods that make one. The list is loaded while a component
 * shows it. During server rendering and hydration `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 */
export function useBackups(auth: BackupsAuth): Backups {
  return useStore(backupsOf(auth), whole)
}

function useStore<State extends object, Selected>(
  { subscribe, getState, getServerState }: Store<State>,
  select: (state: State) => Selected,
): Selected {
  const read = React.useMemo(() => once(stable(select)), [select])
  return useExternalStore(
    subscribe,
    () => read(getState()),
    () => read(getServerState()),
  )
}

/** A computed name: bundlers check static ones, and React 17 does not have it. */
const useExternalStore = (React as Partial<typeof React>)[`use${'SyncExternalStore'}`] ?? useStoreOfReact17

/** Renders in the older way, without concurrent rendering, which React 17 does not have either. */
function useStoreOfReact17<Value>(
  subscribe: (listener: () => void) => () => void,
  read: () => Value,
  readServer: () => Value,
): Value {
  const [renders, render] = React.useReducer((count: number) => count + 1, 0)
  useMountEffect(() => {
    // The page must be hydrated as the server rendered it, and the state may have changed since.
    render()
    return subscribe(render)
  }, [subscribe])
  return renders === 0 ? readServer() : read()
}

/** Before the browser paints; during server rendering React 17 warns about that hook. */
const useMountEffect = 'document' in globalThis ? React.useLayoutEffect : React.useEffect

/** React reads one state several times and expects the same result, even if `select` creates a new object each time. */
function once<State extends object, Selected>(select: (state: State) => Selected): typeof select {
  const answers = new WeakMap<State, Selected>()
  return (state) => {
    if (!answers.has(state)) answers.set(state, select(state))
    return answers.get(state)!
  }
}
