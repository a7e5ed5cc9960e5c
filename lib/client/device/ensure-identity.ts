import type { Session } from '../../machine/state.ts'
import type { Runtime } from '../shared/context.ts'

/** Options of `ensureIdentity`. */
export interface EnsureIdentityOptions {
  /** The principal of an identity that was set aside on this device, to take it again instead of making one. */
  readonly resume?: string
}

/** Anonymous to local-first; with a session already there it only returns it. */
export async function ensureIdentity(runtime: Runtime, { resume }: EnsureIdentityOptions = {}): Promise<Session> {
  checkIdle(runtime)
  if (resume === undefined) await runtime.core.createIdentity(runtime, true)
  else await resumeIdentity(runtime, resume)
  runtime.dispatch({ type: 'identityEnsured', view: runtime.view(), waiting: runtime.waiting() })
  return runtime.getState().session!
}

/** @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: an act is under way */
export function checkIdle({ getState, core }: Runtime): void {
  if (['upgrading', 'signing-out'].includes(getState().phase)) throw core.fail('UPGRADE_IN_PROGRESS')
}

/** Puts an identity in force again that was set aside on this device. */
async function resumeIdentity(runtime: Runtime, principal: string): Promise<void> {
  const { currentEntry, fail } = runtime.core
  await runtime.write((ring) => {
    const isKept = ring.entries.some((entry) => entry.kind === 'device' && entry.principal === principal)
    if (!isKept) throw fail('IDENTITY_UNKNOWN')
    const current = currentEntry(ring)
    // Taking the place of an identity in force would be a change of principal that nobody asked for.
    if (current && current.principal !== principal) throw fail('IDENTITY_CHANGED', 'sign out first')
    return current ? ring : { ...ring, current: `device:${principal}` }
  })
}
