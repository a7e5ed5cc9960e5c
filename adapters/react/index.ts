import * as React from 'react'
import type { Auth, AuthState } from '../../lib/index.ts'

/** The part of `Auth` that a component needs. */
export type ReadableAuth = Pick<Auth, 'getServerState' | 'getState' | 'subscribe'>

/**
 * Returns the current state, and renders again after each change. During server rendering and hydration it is the
 * constant `getServerState()`: no user is signed in, `phase` is `starting`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 */
export function useAuth(auth: ReadableAuth): AuthState
/**
 * Returns a part of the current state, and renders again when that part changes, compared with `Object.is`.
 *
 * @param auth - the result of `createAuth`; the same object in every render
 * @param select - a pure function such as `({ session }) => session?.principal`; may be written inline
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Selected
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): unknown {
  const { subscribe, getState, getServerState } = auth
  const read = React.useMemo(() => once(select), [select])
  return useStore(
    subscribe,
    () => read(getState()),
    () => read(getServerState()),
  )
}

/** A computed name: bundlers check static ones, and React 17 does not have it. */
const useStore = (React as Partial<typeof React>)[`use${'SyncExternalStore'}`] ?? useStoreOfReact17

/** Renders in the older way, without concurrent rendering, which React 17 does not have either. */
function useStoreOfReact17<Value>(subscribe: (listener: () => void) => () => void, read: () => Value): Value {
  const [, render] = React.useReducer((count: number) => count + 1, 0)
  React.useEffect(() => {
    // The state may have changed between rendering and subscribing.
    render()
    return subscribe(render)
  }, [subscribe])
  return read()
}

function whole(state: AuthState): AuthState {
  return state
}

/** React reads one state several times and expects the same result, even if `select` creates a new object each time. */
function once(select: (state: AuthState) => unknown): typeof select {
  const answers = new WeakMap<AuthState, unknown>()
  return (state) => {
    if (!answers.has(state)) answers.set(state, select(state))
    return answers.get(state)
  }
}
