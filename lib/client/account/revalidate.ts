import { currentAccount, replaceEntry } from '../../keystore/entries.ts'
import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'
import { accountEntry, withAliases } from './account-entry.ts'

/**
 * Asks the account server whether the session of external mode is still there.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function revalidate(context: Context): Promise<void> {
  const { account } = context.options
  const entry = currentAccount(context.keyring())
  if (!entry || !account) return
  const found = await account.getSession()
  // Discards an answer that another call overtook.
  const unchanged = (keyring: Keyring | null): AccountEntry | undefined => {
    const now = currentAccount(keyring)
    return now?.accountId === entry.accountId && now.verifiedAt === entry.verifiedAt ? now : undefined
  }
  if (!unchanged(context.keyring())) return
  // No session, or another account's: the identity stays, and the error is shown.
  if (found?.accountId !== entry.accountId || found.principal !== entry.principal) {
    context.dispatch({ type: 'tokenRejected', reason: 'missing' })
    return
  }
  const confirmed = accountEntry(found, context.now())
  await context.write((keyring) => {
    const now = unchanged(keyring)
    if (!keyring || !now) return keyring
    return replaceEntry(keyring, now, { ...withAliases(now, confirmed.aliases), ...confirmed, claims: now.claims })
  })
  if (currentAccount(context.keyring())?.accountId === entry.accountId)
    context.dispatch({ type: 'sessionConfirmed', view: context.view() })
}
