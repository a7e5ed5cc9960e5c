import type { AccountEntry } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'

/**
 * Creates the account entry of the record: the part of an account that an offline start needs.
 *
 * @param verifiedAt - milliseconds since 1970
 * @param expected - the identifier that the user typed. Kept until the account has verified one: that one must belong
 *   to the account that the user meant
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
