import { currentEntry, liveIntent } from '../../keystore/keyring.ts'
import type { WaitingAccount } from '../../machine/state.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import type { Context } from '../shared/context.ts'
import { exclusively } from '../shared/lock.ts'
import { type Settled, settle } from './apply.ts'
import type { Consent } from './decide.ts'
import { deliverOutbox } from './outbox.ts'
import { conclude } from './resolve-conflict.ts'

/**
 * Checks for a session that appeared outside `upgrade`: after a redirect, after a mailed link, or from before Latchkey
 * was installed. A session that any party could have placed there waits for the user's confirmation.
 *
 * @param isFirst - true at the first check on a device without a record: on the day of installation the user may
 *   already be signed in
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function checkSession(context: Context, isFirst: boolean): Promise<void> {
  const { account } = context.options
  if (!account || !isWaiting(context)) return
  const settled = await exclusively(context, () => check(context, account, isFirst))
  if (settled !== 'shown') await conclude(context, settled)
}

/** True if no account is current, and no upgrade or sign-out is running. */
function isWaiting({ getState }: Context): boolean {
  const { phase, authMode } = getState()
  return authMode !== 'external' && (phase === 'ready' || phase === 'pending')
}

async function check(context: Context, account: AccountProvider, isFirst: boolean): Promise<Settled> {
  await context.read()
  // An upgrade of this tab can run meanwhile: it waits for the lock.
  if (!isWaiting(context)) return 'shown'
  // A session that is about to be ended must not be used.
  await deliverOutbox(context)
  const found = await account.getSession({ peek: true })
  const before = currentEntry(context.keyring())
  const consent = found && consentTo(context, found)
  const settled =
    found && consent
      ? await settle(context, account, {
          before,
          found,
          consent: consent === 'none' && isFirst && isMigrating(context) ? 'installed' : consent,
        })
      : 'shown'
  // An upgrade of this tab that began meanwhile handles its own result.
  if (settled === 'shown' && isWaiting(context)) showWaiting(context, found)
  return settled
}

/** The app had accounts before it had Latchkey, and says until when a session may be one of those. */
function isMigrating({ options, now }: Context): boolean {
  return now() < (options.migrateSessionsUntil ?? 0)
}

/** The consent to a session that no call on this device made. */
export function consentTo(context: Context, { identifiers = [] }: AccountSession): Consent {
  const expected = liveIntent(context.keyring(), context.now())?.expected?.trim().toLowerCase()
  const isExpected = expected !== undefined && identifiers.some((identifier) => identifier.toLowerCase() === expected)
  return isExpected ? 'expected' : 'none'
}

/** Shows a session that waits for confirmation, or that there is none. */
export function showWaiting(context: Context, found: AccountSession | null): void {
  const { authMode, upgrade } = context.getState()
  const { failure } = upgrade ?? {}
  const account: WaitingAccount | null =
    found && authMode !== 'external'
      ? { accountId: found.accountId, principal: found.principal, identifiers: found.identifiers ?? [] }
      : null
  context.dispatch({
    type: 'upgradePended',
    upgrade: { ...context.waiting(), ...(account && { account }), ...(failure && { failure }) },
  })
}
