import type { AccountEntry, KeptToken } from '../../keystore/record.ts'
import type { Session } from '../../machine/state.ts'
import { accountInForce } from '../account/revalidate.ts'
import { refreshing } from '../shared/lock.ts'
import type { Runtime } from '../shared/context.ts'
import { readAgain } from '../shared/tab-sync.ts'

/** A token that another tab got is taken while it lives at least this long, in milliseconds. */
const MARGIN = 60_000

/**
 * Gets a fresh token of the account, one tab for all, and shows and keeps its claims.
 *
 * @param refused - the token that is not wanted any more: too old, or a server did not take it
 */
export async function accountToken(
  runtime: Runtime,
  session: Session,
  refused: KeptToken | undefined,
): Promise<KeptToken> {
  const token = await refreshing(runtime, async () => {
    await readAgain(runtime)
    checkSame(runtime, session)
    const kept = accountInForce(runtime, runtime.ring())?.token
    // A token outlives its session: while the account server says that there is none, it is asked again.
    const isGone = runtime.getState().error === 'missing'
    // Two of the same second have the same bytes: the later one was asked for since.
    const isNew = kept && (!refused || kept.jwt !== refused.jwt || kept.until > refused.until)
    const isFresh = isNew && !isGone && kept.until - runtime.now() > MARGIN
    return isFresh ? kept : fetchToken(runtime, session)
  })
  runtime.dispatch({ type: 'tokenAccepted' })
  return token
}

async function fetchToken(runtime: Runtime, session: Session): Promise<KeptToken> {
  const jwt = await runtime.options.account?.getToken()
  checkSame(runtime, session)
  if (!jwt) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'missing' })
    throw runtime.core.fail('SESSION_MISSING')
  }
  const payload = readPayload(runtime, jwt)
  if (!isTheirs(runtime, session, payload)) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'invalid' })
    throw runtime.core.fail('PRINCIPAL_MISMATCH')
  }
  const claims = (runtime.options.readClaims ?? appClaims)(payload)
  // For the other tabs and an offline start; a store that fails here costs no more than that.
  const token: KeptToken = { jwt, until: runtime.now() + lifetimeOf(payload) }
  await keepToken(runtime, session, { claims, token }).catch(() => {})
  return token
}

function isTheirs(runtime: Runtime, { principal }: Session, payload: Readonly<Record<string, unknown>>): boolean {
  const { account } = runtime.options
  const accountId = accountInForce(runtime, runtime.ring())?.accountId ?? ''
  return account?.isTokenOf ? account.isTokenOf(payload, { accountId, principal }) : payload['sub'] === principal
}

/** Claims of a token that came from the account server itself; they are shown, not believed. */
export function readPayload({ core }: Runtime, jwt: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(new TextDecoder().decode(core.decodeBase64url(jwt.split('.')[1]!)))
  } catch {
    return {}
  }
}

/** Milliseconds. It was issued just now, so this does not depend on whose clock is right. */
export function lifetimeOf({ iat, exp }: Readonly<Record<string, unknown>>): number {
  return (Number(exp) - Number(iat)) * 1000 || 0
}

/** An answer for the person before says nothing about the one in force now. */
function checkSame(runtime: Runtime, { principal }: Session): void {
  if (runtime.getState().session?.principal !== principal) throw runtime.core.fail('IDENTITY_CHANGED')
}

async function keepToken(
  runtime: Runtime,
  { principal, claims }: Session,
  kept: Pick<AccountEntry, 'claims' | 'token'>,
): Promise<void> {
  await runtime.write((ring) => {
    const current = runtime.core.currentEntry(ring)
    if (current?.kind !== 'account' || current.principal !== principal) return ring
    return { ...ring, entries: ring.entries.map((entry) => (entry === current ? { ...current, ...kept } : entry)) }
  })
  if (JSON.stringify(claims) !== JSON.stringify(kept.claims))
    runtime.dispatch({ type: 'sessionConfirmed', view: runtime.view() })
}

const REGISTERED = ['iss', 'sub', 'aud', 'iat', 'exp', 'nbf', 'jti', 'aliases', 'auth_mode']

/** What is left of a payload without the registered claims (RFC 7519 §4.1) and Latchkey's own. */
function appClaims(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !REGISTERED.includes(name)))
}
