import type { AccountEntry } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'

/** What an offline start needs to know about the account. `verifiedAt` in milliseconds since 1970. */
export function accountEntry(found: AccountSession, verifiedAt: number): AccountEntry {
  const { accountId, principal, aliases, recoverable } = found
  return { kind: 'account', accountId, principal, aliases, recoverable, claims: {}, verifiedAt }
}

/** The account with other aliases. A token that carries the aliases of before goes, since servers believe them. */
export function withAliases({ token, ...entry }: AccountEntry, aliases: readonly string[]): AccountEntry {
  return { ...entry, aliases, ...(token && `${aliases}` === `${entry.aliases}` && { token }) }
}
