import { useMemo, useSyncExternalStore } from 'react'
import type { Auth, AuthState } from '../../lib/index.ts'

/** What a component needs of what `createAuth` gave. */
export type ReadableAuth = Pick<Auth, 'getServerState' | 'getState' | 'subscribe'>

/**
 * Returns the present state, and renders again after each change. While a server renders, and until the page it sent
 * is hydrated, it is the constant `getServerState()`: nobody is signed in, `phase` is `starting`.
 *
 * @param auth - what `createAuth` gave; the same one at each render
 */
export function useAuth(auth: ReadableAuth): AuthState
/**
 * Returns a part of the present state, and renders again when that part is another one, compared with `Object.is`.
 *
 * @param auth - what `createAuth` gave; the same one at each render
 * @param select - pure, such as `({ session }) => session?.principal`; it may be written in place
 */
export function useAuth<Selected>(auth: ReadableAuth, select: (state: AuthState) => Selected): Selected
export function useAuth(auth: ReadableAuth, select: (state: AuthState) => unknown = whole): unknown {
  const { subscribe, getState, getServerState } = auth
  const read = useMemo(() => once(select), [select])
  return useSyncExternalStore(
    subscribe,
    () => read(getState()),
    () => read(getServerState()),
  )
}

function whole(state: AuthState): AuthState {
  return state
}

/**
 * React asks several times for one state and expects the same answer, also where `select` makes an object each time.
 */
function once(select: (state: AuthState) => unknown): typeof select {
  const answers = new WeakMap<AuthState, unknown>()
  return (state) => {
    if (!answers.has(state)) answers.set(state, select(state))
    return answers.get(state)
  }
}
