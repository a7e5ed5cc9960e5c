import { currentAccount, replaceEntry, withAliases } from '../../keystore/entries.ts'
import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { givingWay, whileNoAct } from '../shared/lock.ts'
import { accountEntry } from './account-entry.ts'
import { settle } from './apply.ts'
import { signOutOfEnded } from './follow-app.ts'
import { deliverPending } from './outbox.ts'
import { showReplacing } from './session-check.ts'

/**
 * Handles a reset: the account got another principal because its mailbox was verified without the device's key. Links
 * the principal that it had on this device, so that its data stays reachable.
 *
 * @returns true if the account is current again
 */
async function followReset(
  context: Context,
  turn: AbortController,
  before: AccountEntry,
  found: AccountSession,
): Promise<boolean> {
  const account = accountOf(context, turn.signal)!
  const settled = await whileNoAct(context, turn, (inTurn) =>
    settle(inTurn, account, { before, found, consent: 'none' }),
  )
  if (settled === 'shown') return false
  context.dispatch({ type: 'recordChanged', view: context.view(), waiting: context.waiting() })
  context.dispatch({ type: 'sessionConfirmed', view: context.view() })
  return true
}

/**
 * Checks whether the session of external mode still exists at the account server.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function revalidate(context: Context): Promise<void> {
  if (!currentAccount(context.keyring())) return
  // Not beside a delivery: it would give way to that each time, as long as a sign-out cannot be delivered.
  await deliverPending(context).finally(() => givingWay(context, (turn) => confirm(context, turn)))
}

async function confirm(context: Context, turn: AbortController): Promise<void> {
  const account = accountOf(context, turn.signal)
  const entry = currentAccount(context.keyring())
  if (!entry || !account) return
  const found = await account.getSession()
  // Discards a response if another call changed the identity meanwhile.
  const unchanged = (keyring: Keyring | null): AccountEntry | undefined => {
    const now = currentAccount(keyring)
    return now?.accountId === entry.accountId && now.verifiedAt === entry.verifiedAt ? now : undefined
  }
  const known = unchanged(context.keyring())
  if (!known) return
  if (!found && known.isEnding) return signOutOfEnded(context, known)
  const isOther = found?.accountId !== entry.accountId
  if (isOther || found.principal !== entry.principal) {
    if (!isOther && (await followReset(context, turn, entry, found))) return showReplacing(context, null)
    // No session, or that of another account, which waits: the identity stays, and the error is shown.
    context.dispatch({ type: 'tokenRejected', reason: 'missing' })
    return showReplacing(context, isOther ? found : null)
  }
  const verifiedAt = context.now()
  // A new session ends the upgrade that waited for one. Without ids, it is new if there was none before.
  const isNew = found.id === undefined ? context.getState().error === 'missing' : found.id !== entry.sessionId
  await context.write((keyring) => {
    const now = unchanged(keyring)
    if (!keyring || !now) return keyring
    const { expected, isEnding: _, ...kept } = withAliases(now, found.aliases)
    const next = { ...kept, ...accountEntry(found, verifiedAt, expected), claims: now.claims }
    const confirmed = replaceEntry(keyring, now, next)
    return isNew && !keyring.intent?.conflict ? { ...confirmed, intent: null } : confirmed
  })
  if (currentAccount(context.keyring())?.accountId !== entry.accountId) return
  context.dispatch({ type: 'recordChanged', view: context.view(), waiting: context.waiting() })
  context.dispatch({ type: 'sessionConfirmed', view: context.view() })
  showReplacing(context, null)
}
