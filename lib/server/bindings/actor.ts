import { LatchkeyError } from '../../errors.ts'
import type { ExternalAccount } from '../external/accounts.ts'

/** The account of an admin who impersonates a user. */
export interface Actor {
  readonly issuer: string
  readonly subject: string
  /** In the form for clients. */
  readonly accountId: string
}

/**
 * Returns the admin who impersonates the user, from the claim `act` (RFC 8693 §4.1) that Clerk and WorkOS set.
 *
 * @returns null if the user acts
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`: the claim does not name the actor
 */
export function actorOf({ claims, issuer }: Pick<ExternalAccount, 'claims' | 'issuer'>): Actor | null {
  const { act, iss: own } = claims
  if (act === undefined) return null
  const { iss = own, sub } = (act ?? {}) as Readonly<Record<string, unknown>>
  if (typeof sub !== 'string' || sub === '' || typeof iss !== 'string')
    throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'act')
  return { issuer: iss === own ? issuer : iss, subject: sub, accountId: JSON.stringify([iss, sub]) }
}
