import type { BoundAccount } from '../bindings/bound-account.ts'
import type { VerifiedSubject } from './answer-request.ts'
import { refusedFor } from './token-request.ts'

/**
 * Returns the subject of another provider's token.
 *
 * @param found - with the admin who impersonates the user, if there is one
 * @throws {OAuthRefusal} `ACCOUNT_OPEN`: an admin impersonates the user, and fixes no principal, which a token would
 */
export function externalSubject({ account, binding, aliases, deviceId, actor }: BoundAccount): VerifiedSubject {
  if (!binding) throw refusedFor('ACCOUNT_OPEN')
  return {
    principal: binding.principal,
    aliases,
    authMode: 'external',
    accountId: null,
    actor: actor && actor.principal,
    ...(deviceId !== null && { sid: deviceId }),
    external: { issuer: account.issuer, subject: account.subject },
    until: account.expiresAt,
  }
}
