import type { AccountEntry } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'

/**
 * What an offline start needs to know about the account.
 *
 * @param verifiedAt - milliseconds since 1970
 * @param expected - the identifier that the user typed. Kept until the mailbox is proven: what proves it has to name the
 *   account that the user meant
 */
export function accountEntry(found: AccountSession, verifiedAt: number, expected?: string | null): AccountEntry {
  const { accountId, principal, aliases, recoverable, id } = found
  const typed = expected && !recoverable ? { expected } : {}
  return {
    kind: 'account',
    accountId,
    principal,
    aliases,
    recoverable,
    claims: {},
    verifiedAt,
    ...(id !== undefined && { sessionId: id }),
    ...typed,
  }
}

/** The account with other aliases. A token that carries the aliases of before goes, since servers believe them. */
export function withAliases({ token, ...entry }: AccountEntry, aliases: readonly string[]): AccountEntry {
  return { ...entry, aliases, ...(token && `${aliases}` === `${entry.aliases}` && { token }) }
}
