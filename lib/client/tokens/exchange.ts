import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { currentAccount } from '../../keystore/entries.ts'
import type { KeptToken } from '../../keystore/record.ts'
import type { Session } from '../../machine/state.ts'
import { accountToken, checkSame, keepAnswer, lifetimeOf, readPayload } from './account-token.ts'
import { inServerTime } from './clock-skew.ts'
import { currentKey } from '../device/identity.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { proofFor } from '../shared/proof.ts'
import { isExchanged } from './audience.ts'

/**
 * Fetches a server-signed token: by token exchange for audiences with `via: 'exchange'`, otherwise the account's own.
 *
 * @param refused - see {@link accountToken}
 */
export function issuedToken(
  context: Context,
  session: Session,
  audience: string,
  refused: KeptToken | undefined,
): Promise<KeptToken> {
  return isExchanged(context.options, audience)
    ? exchangedToken(context, session, audience)
    : accountToken(context, session, refused)
}

/**
 * Fetches a token for an audience from the account server's exchange (RFC 8693), for the current identity.
 *
 * @throws {LatchkeyError} `OFFLINE`, `SESSION_MISSING`, `IDENTITY_CHANGED`, `PRINCIPAL_MISMATCH`, `PRINCIPAL_DISABLED`,
 *   `PROVIDER_REFUSED`
 */
async function exchangedToken(context: Context, session: Session, audience: string): Promise<KeptToken> {
  const before = currentAccount(context.keyring())
  const asked = inServerTime(context, () => exchanged(context, session, audience))
  const jwt = await asked.catch((error: unknown) => {
    checkSame(context, session)
    // An account that has taken over the principal meanwhile is not what was refused.
    const isDisabled = isLatchkeyError(error, 'PRINCIPAL_DISABLED') && context.getState().authMode === session.authMode
    if (isDisabled) context.dispatch({ type: 'tokenRejected', reason: 'disabled' })
    throw error
  })
  checkSame(context, session)
  if (jwt === null) {
    context.dispatch({ type: 'tokenRejected', reason: 'missing' })
    throw new LatchkeyError('SESSION_MISSING')
  }
  const payload = readPayload(jwt)
  if (payload['sub'] !== session.principal) throw new LatchkeyError('PRINCIPAL_MISMATCH')
  // For the other tabs and the next start; if the store fails, only these are affected.
  const isCurrent = await keepAnswer(context, session, before, payload).catch(() => true)
  if (!isCurrent) return exchangedToken(context, session, audience)
  return { jwt, until: context.now() + lifetimeOf(payload) }
}

async function exchanged(context: Context, { authMode, principal }: Session, audience: string): Promise<string | null> {
  const account = accountOf(context)
  if (!account?.exchange) throw new TypeError('exchange: the account provider has none')
  if (authMode === 'external') return account.exchange(audience, null)
  const key = await currentKey(context)
  if (key?.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED')
  return account.exchange(audience, (nonce) => proofFor(context, key!, account, { purpose: 'exchange', nonce }))
}
