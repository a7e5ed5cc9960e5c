import { LatchkeyError } from '../../errors.ts'
import type { Session } from '../../machine/state.ts'
import type { SessionRuntime } from './session-runtime.ts'
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
  let observed: string | null = null
  let stops: (() => void)[] = []

  function observe(): void {
    const { session } = auth.getState()
    const principal = session?.principal ?? null
    const isSame = principal === observed || (principal !== null && principal === state().principal)
    observed = principal
    if (isSame) return dispatch({ type: 'authChanged' })
    dispatch({ type: 'finished' })
    if (session) void startNext(session)
  }

  /** Starts the session of the new principal. */
  async function startNext(session: Session): Promise<void> {
    const isAllowed = await prepareRestart(runtime, session)
    const { stage, wanted } = state()
    // The principal may have changed again during `beforeRestart`, or the app ended the session.
    if (session.principal !== observed || stage !== 'started') return
    if (isAllowed) dispatch({ type: 'started', token: null, principal: observed, connect: wanted })
    else void runtime.self().end()
  }

  return {
    start() {
      this.stop()
      observed = auth.getState().session?.principal ?? null
      stops = [auth.subscribe(observe), listenForWakeEvents((isOnline) => catchUp(runtime, isOnline))]
    },
    stop() {
      for (const stop of stops.splice(0)) stop()
    },
  }
}

/**
 * Lets the app handle data of the previous principal that the transport keeps.
 *
 * @returns false if the next session must not start; the app was told why through `onFault`
 */
async function prepareRestart(
  { owner, transport, options, self, fault }: SessionRuntime,
  { principal, principals }: Session,
): Promise<boolean> {
  if (owner === null || transport.keeps === 'nothing' || principals.includes(owner)) return true
  try {
    if (!options.beforeRestart)
      throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the transport keeps data of another principal; pass beforeRestart')
    await options.beforeRestart({ from: owner, to: principal }, self())
    return true
  } catch (error) {
    fault(error)
    return false
  }
}

/** Catches up on timers that stood still, and retries at once when the network is back. */
function catchUp({ due, retry, dispatch }: SessionRuntime, isOnline: boolean): void {
  due.check()
  if (!isOnline) return retry.check()
  dispatch({ type: 'networkFound' })
  retry.hurry()
}
