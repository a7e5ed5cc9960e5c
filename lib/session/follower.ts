import type { Session } from '../machine/state.ts'
import type { SessionRuntime } from './runtime.ts'
import { listenForWake } from './wake.ts'

/** Keeps a session in step with `auth`: another principal is another session, none is none. */
export interface Follower {
  /** Begins to follow. */
  attach(): void
  detach(): void
}

/** Makes what keeps a session in step with `auth`. */
export function createFollower(runtime: SessionRuntime): Follower {
  const { auth, state, dispatch } = runtime
  let followed: string | null = null
  let stops: (() => void)[] = []

  function follow(): void {
    const { session } = auth.getState()
    const principal = session?.principal ?? null
    const isSame = principal === followed || (principal !== null && principal === state().principal)
    followed = principal
    if (isSame) return dispatch({ type: 'authChanged' })
    dispatch({ type: 'finished' })
    if (session) void startNext(session)
  }

  /** Starts the session of whoever is in force now. */
  async function startNext(session: Session): Promise<void> {
    const isFree = await prepare(runtime, session)
    const { stage, wanted } = state()
    // While the app prepared somebody else may have come, or the app ended it all.
    if (session.principal !== followed || stage !== 'started') return
    if (isFree) dispatch({ type: 'started', token: null, principal: followed, connect: wanted })
    else void runtime.self().end()
  }

  return {
    attach() {
      this.detach()
      followed = auth.getState().session?.principal ?? null
      stops = [auth.subscribe(follow), listenForWake((isOnline) => wake(runtime, isOnline))]
    },
    detach() {
      for (const stop of stops.splice(0)) stop()
    },
  }
}

/** Somebody else's data may be there, and only the app knows what becomes of it. */
async function prepare(
  { owner, sink, options, self, fault }: SessionRuntime,
  { principal, principals }: Session,
): Promise<boolean> {
  if (owner === null || !sink.clear || principals.includes(owner)) return true
  if (!options.beforeRestart) return false
  try {
    await options.beforeRestart({ from: owner, to: principal }, self())
    return true
  } catch (error) {
    fault(error)
    return false
  }
}

/** Time may have stood still, or the network is back. */
function wake({ due, retry, dispatch }: SessionRuntime, isOnline: boolean): void {
  due.check()
  if (!isOnline) return retry.check()
  dispatch({ type: 'networkFound' })
  retry.hurry()
}
