import type { KeptToken } from '../../keystore/record.ts'
import type { Session } from '../../machine/state.ts'
import { accountToken, lifetimeOf, readPayload } from './account-token.ts'
import { correctClock, isRefusedOnTime } from './clock-skew.ts'
import { proofFor } from '../shared/proof.ts'
import type { Runtime } from '../shared/context.ts'

/**
 * Fetches a token that the account server signs: by token exchange for audiences with `via: 'exchange'`, otherwise the account's own.
 *
 * @param refused - see {@link accountToken}
 */
export function issuedToken(
  runtime: Runtime,
  session: Session,
  audience: string,
  refused: KeptToken | undefined,
): Promise<KeptToken> {
  return runtime.core.isExchanged(runtime.options, audience)
    ? exchangedToken(runtime, session, audience)
    : accountToken(runtime, session, refused)
}

/**
 * Gets a token for an audience from the account server's exchange (RFC 8693), for whoever is in force.
 *
 * @throws {LatchkeyError} `OFFLINE`, `SESSION_MISSING`, `PRINCIPAL_MISMATCH`, `PRINCIPAL_DISABLED`, `PROVIDER_REFUSED`
 */
async function exchangedToken(runtime: Runtime, session: Session, audience: string): Promise<KeptToken> {
  const { core } = runtime
  const jwt = await exchanged(runtime, session, audience).catch(async (error: unknown) => {
    // With a right clock, once more.
    if (isRefusedOnTime(runtime, error) && (await correctClock(runtime))) return exchanged(runtime, session, audience)
    if (core.isLatchkeyError(error, 'PRINCIPAL_DISABLED'))
      runtime.dispatch({ type: 'tokenRejected', reason: 'disabled' })
    throw error
  })
  if (jwt === null) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'missing' })
    throw core.fail('SESSION_MISSING')
  }
  const payload = readPayload(runtime, jwt)
  if (payload['sub'] !== session.principal) throw core.fail('PRINCIPAL_MISMATCH')
  return { jwt, until: runtime.now() + lifetimeOf(payload) }
}

async function exchanged(runtime: Runtime, { authMode, principal }: Session, audience: string): Promise<string | null> {
  const { core, options } = runtime
  const { account } = options
  if (!account?.exchange) throw new TypeError('exchange: the account provider has none')
  if (authMode === 'external') return account.exchange(audience, null)
  const key = await runtime.deviceKey()
  if (key?.principal !== principal) throw core.fail('IDENTITY_CHANGED')
  return account.exchange(audience, (nonce) => proofFor(runtime, key!, account, { purpose: 'exchange', nonce }))
}
