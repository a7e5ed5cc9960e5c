import { currentAccount, replaceEntry } from '../../keystore/entries.ts'
import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { givingWay, whileNoAct } from '../shared/lock.ts'
import { accountEntry, withAliases } from './account-entry.ts'
import { settle } from './apply.ts'

/**
 * The account got another principal, since its mailbox was proven without the device's key: links the one that it had
 * here, so that what belongs to it stays reachable.
 *
 * @returns whether the account is current again
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
 * Asks the account server whether the session of external mode is still there.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export function revalidate(context: Context): Promise<void> {
  return givingWay(context, (turn) => confirm(context, turn))
}

async function confirm(context: Context, turn: AbortController): Promise<void> {
  const account = accountOf(context, turn.signal)
  const entry = currentAccount(context.keyring())
  if (!entry || !account) return
  const found = await account.getSession()
  // Discards an answer that another call overtook.
  const unchanged = (keyring: Keyring | null): AccountEntry | undefined => {
    const now = currentAccount(keyring)
    return now?.accountId === entry.accountId && now.verifiedAt === entry.verifiedAt ? now : undefined
  }
  if (!unchanged(context.keyring())) return
  if (found?.accountId !== entry.accountId || found.principal !== entry.principal) {
    if (found?.accountId === entry.accountId && (await followReset(context, turn, entry, found))) return
    // No session, or another account's: the identity stays, and the error is shown.
    context.dispatch({ type: 'tokenRejected', reason: 'missing' })
    return
  }
  const verifiedAt = context.now()
  await context.write((keyring) => {
    const now = unchanged(keyring)
    if (!keyring || !now) return keyring
    const { expected, ...kept } = withAliases(now, found.aliases)
    return replaceEntry(keyring, now, { ...kept, ...accountEntry(found, verifiedAt, expected), claims: now.claims })
  })
  if (currentAccount(context.keyring())?.accountId === entry.accountId)
    context.dispatch({ type: 'sessionConfirmed', view: context.view() })
}
