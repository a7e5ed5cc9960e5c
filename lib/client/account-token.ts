import type { Session } from '../machine/state.ts'
import type { Runtime } from './runtime.ts'

/** Gets a fresh token of the account, and shows and keeps its claims. */
export async function accountToken(runtime: Runtime, session: Session): Promise<string> {
  const token = await runtime.options.account?.getToken()
  // An answer for the person before says nothing about the one in force now.
  if (runtime.getState().session?.principal !== session.principal) throw runtime.fail('IDENTITY_CHANGED')
  if (!token) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'missing' })
    throw runtime.fail('SESSION_MISSING')
  }
  const payload = runtime.readPayload(token) ?? {}
  if (payload['sub'] !== session.principal) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'invalid' })
    throw runtime.fail('PRINCIPAL_MISMATCH')
  }
  const claims = (runtime.options.readClaims ?? appClaims)(payload)
  if (JSON.stringify(claims) !== JSON.stringify(session.claims)) await keepClaims(runtime, session, claims)
  runtime.dispatch({ type: 'tokenAccepted' })
  return token
}

/** For an offline start. */
async function keepClaims(runtime: Runtime, { principal }: Session, claims: Session['claims']): Promise<void> {
  await runtime.write((ring) => ({
    ...ring,
    entries: ring.entries.map((entry) => (entry.kind === 'account' && entry.principal === principal ? { ...entry, claims } : entry)),
  }))
  runtime.dispatch({ type: 'sessionConfirmed', view: runtime.view() })
}

const REGISTERED = ['iss', 'sub', 'aud', 'iat', 'exp', 'nbf', 'jti', 'aliases', 'auth_mode']

/** What is left of a payload without the registered claims (RFC 7519 §4.1) and Latchkey's own. */
function appClaims(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !REGISTERED.includes(name)))
}
