import type { Session } from '../machine/state.ts'
import type { ConnectedSession } from './connect-session.ts'
import type { SessionRuntime } from './runtime.ts'
import { listenForWake } from './wake.ts'

/** Keeps a session in step with `auth`: another principal is another session, none is none. */
export interface Follower {
  /** Begins to follow. */
  attach(): void
  detach(): void
}

/** Makes what keeps a session in step with `auth`. */
export function createFollower(runtime: SessionRuntime, self: () => ConnectedSession): Follower {
  const { auth, sink, options, dispatch } = runtime
  let followed: string | null = null
  let detach = (): void => {}

  function follow(): void {
    const { session, error } = auth.getState()
    const principal = session?.principal ?? null
    const isSame = principal === followed || (principal !== null && principal === runtime.core().principal)
    followed = principal
    if (isSame) return dispatch({ type: 'authChanged', error: error ?? null })
    dispatch({ type: 'finished' })
    if (session) void next(session)
  }

  /** Starts the session of whoever is in force now. */
  async function next({ principal, principals }: Session): Promise<void> {
    const from = runtime.owner()
    if (from !== null && sink.clear && !principals.includes(from) && !(await prepare(from, principal))) return
    if (principal !== followed || runtime.core().stage !== 'started') return
    dispatch({ type: 'started', token: null, principal, connect: runtime.core().wanted })
  }

  /** Somebody else's data is there: only the app knows what becomes of it. */
  async function prepare(from: string, to: string): Promise<boolean> {
    try {
      await options.beforeRestart?.({ from, to }, self())
    } catch (error) {
      runtime.fault(error)
      if (to === followed) void self().end()
      return false
    }
    if (!options.beforeRestart) void self().end()
    return options.beforeRestart !== undefined
  }

  return {
    attach() {
      detach()
      followed = auth.getState().session?.principal ?? null
      const leave = auth.subscribe(follow)
      const sleepOn = listenForWake(runtime.wake)
      detach = () => [leave, sleepOn].forEach((stop) => stop())
    },
    detach: () => detach(),
  }
}
