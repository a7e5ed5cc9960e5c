import type { LatchkeyErrorCode } from '../errors.ts'
import type { Entry } from '../keystore/record.ts'
import type { AuthEvent } from '../machine/transition.ts'
import type { AccountProvider, AccountSession } from './account.ts'
import { holdsNothing } from './holdings.ts'
import { liveIntent } from './intent.ts'
import { exclusively } from './lock.ts'
import { deliverOutbox } from './outbox.ts'
import type { Runtime } from './runtime.ts'
import { type Taken, commitAccount, isSameIdentity, takeAccount } from './take-account.ts'

/**
 * Looks for a session that appeared outside `upgrade`: a redirect came back, a link was followed, somebody was signed in
 * before Latchkey was installed. One that could be anybody's waits for the person's word.
 *
 * @param isFirst - the device had no keyring before this start, and this is the first look: the day Latchkey is
 *   installed somebody may be signed in already
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function lookOutside(runtime: Runtime, isFirst: boolean): Promise<void> {
  const { account } = runtime.options
  const { phase, authMode } = runtime.getState()
  if (!account || authMode === 'external' || (phase !== 'ready' && phase !== 'pending')) return
  try {
    if (await exclusively(runtime, () => consider(runtime, account, isFirst))) finish(runtime, { type: 'upgradeCompleted', view: runtime.view() })
  } catch (error) {
    if (!runtime.core.isLatchkeyError(error) || !FINAL.includes(error.code)) throw error
    await runtime.write((ring) => (ring.intent ? { ...ring, intent: null } : ring))
    runtime.dispatch({ type: 'recordChanged', view: runtime.view(), pending: runtime.pending() })
    finish(runtime, { type: 'upgradeFailed', failure: error.code })
  }
}

/** The account's own word; anything else is tried again. */
const FINAL: readonly LatchkeyErrorCode[] = ['CONFLICT', 'PRINCIPAL_TAKEN']

/** The machine ends an upgrade only from within one. */
function finish(runtime: Runtime, event: AuthEvent): void {
  runtime.dispatch({ type: 'upgradeStarted' })
  runtime.dispatch(event)
}

async function consider(runtime: Runtime, account: AccountProvider, isFirst: boolean): Promise<Taken | null> {
  await runtime.read()
  // A session that is to be ended is nobody's to take.
  await deliverOutbox(runtime)
  const before = runtime.core.currentEntry(runtime.ring())
  if (before?.kind === 'account') return null
  const found = await account.getSession({ peek: true })
  if (!found) return null
  if (isSameIdentity(found, before)) return commitAccount(runtime, before, found, 'upgraded')
  if (await isMeant(runtime, before, found, isFirst)) return takeAccount(runtime, account, before, found)
  wait(runtime, found)
  return null
}

/** The person typed an identifier that this account has proven, or it is the first day. */
async function isMeant(runtime: Runtime, before: Entry | undefined, found: AccountSession, isFirst: boolean): Promise<boolean> {
  const expected = liveIntent(runtime.ring(), runtime.now())?.expected?.trim().toLowerCase()
  if (expected !== undefined) return identifiersOf(found).some((identifier) => identifier.toLowerCase() === expected)
  return isFirst && (await holdsNothing(runtime, before))
}

function wait(runtime: Runtime, found: AccountSession): void {
  const { accountId, principal } = found
  const pending = runtime.pending()
  runtime.dispatch({ type: 'upgradePended', upgrade: { ...(pending && { pending }), account: { accountId, principal, identifiers: identifiersOf(found) } } })
}

function identifiersOf({ identifiers = [] }: AccountSession): readonly string[] {
  return identifiers
}
