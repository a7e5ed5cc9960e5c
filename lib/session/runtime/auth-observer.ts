import type { Session } from '../../machine/state.ts'
import { handOver } from './hand-over.ts'
import type { SessionRuntime } from './runtime.ts'
import { listenForWakeEvents } from './wake-events.ts'

/** Follows `auth`: another principal gets another session, a sign-out ends the session. */
export interface AuthObserver {
  /** Starts observing, from the current principal on. */
  start(): void
  stop(): void
}

/** Creates an observer that is not started. */
export function createAuthObserver(runtime: SessionRuntime): AuthObserver {
  const { auth, state, dispatch } = runtime
  let observed: Session | null = null
  let stops: (() => void)[] = []
  let changes = 0

  function observe(): void {
    // An earlier listener of the same change has ended the session: it must not start again, or hand over its data.
    if (stops.length === 0) return
    const before = observed
    const { session } = auth.getState()
    observed = session
    if (session?.principal === state().principal) {
      dispatch({ type: 'authChanged' })
      // Servers go by the principals that a token lists.
      if (`${session!.principals}` !== `${before?.principals}`) dispatch({ type: 'due' })
      return
    }
    // The session of this user may wait for the app: it gets no token yet.
    if (session?.principal === before?.principal) return dispatch({ type: 'authChanged' })
    const mine = ++changes
    dispatch({ type: 'finished' })
    // The principal may change again during `beforeRestart`, and come back, and the session may end: the app is asked
    // again then.
    if (session) void handOver(runtime, session.principals, null, () => mine === changes)
  }

  return {
    start() {
      this.stop()
      observed = auth.getState().session
      stops = [auth.subscribe(observe), listenForWakeEvents((isOnline) => catchUp(runtime, isOnline))]
    },
    stop() {
      changes++
      for (const stop of stops.splice(0)) stop()
    },
  }
}

/** Catches up on timers that stood still, and retries at once when the network is back. */
function catchUp({ due, retry, dispatch }: SessionRuntime, isOnline: boolean): void {
  due.check()
  if (!isOnline) return retry.check()
  dispatch({ type: 'networkFound' })
  retry.hurry()
}
