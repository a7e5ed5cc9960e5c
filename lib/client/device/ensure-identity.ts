import { LatchkeyError } from '../../errors.ts'
import { deviceOf, replaceEntry } from '../../keystore/entries.ts'
import { currentEntry, entryId } from '../../keystore/keyring.ts'
import type { Session } from '../../machine/state.ts'
import type { EnsureIdentityOptions } from '../auth.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { createIdentity } from './identity.ts'

/** Anonymous to local-first. If a session exists, it only returns it. */
export async function ensureIdentity(context: Context, options: EnsureIdentityOptions = {}): Promise<Session> {
  checkGiven(options, { resume: 'string' })
  const { resume } = options
  checkIdle(context)
  if (resume === undefined) await createIdentity(context, true)
  else await resumeIdentity(context, resume)
  context.dispatch({ type: 'identityEnsured', view: context.view(), waiting: context.waiting() })
  return context.getState().session!
}

/**
 * Requires that nothing is running.
 *
 * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`: an upgrade or a sign-out is running
 */
export function checkIdle({ getState }: Context): void {
  if (['upgrading', 'signing-out'].includes(getState().phase)) throw new LatchkeyError('UPGRADE_IN_PROGRESS')
}

/** Makes an identity current again that was set aside on this device. */
async function resumeIdentity(context: Context, principal: string): Promise<void> {
  await context.write((keyring) => {
    const kept = deviceOf(keyring, principal)
    if (!keyring || !kept) throw new LatchkeyError('IDENTITY_UNKNOWN')
    const current = currentEntry(keyring)
    // Replacing the current identity would change the principal without a request to do so.
    if (current && current.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED', 'sign out first')
    if (current) return keyring
    // A session that is there by now may be of the user after the sign-out.
    const { isUnasked: _, ...resumed } = kept
    return { ...replaceEntry(keyring, kept, resumed), current: entryId(kept) }
  })
}
