import { LatchkeyError } from '../../errors.ts'
import { encodeBase64url, utf8 } from '../../identity/encoding.ts'
import type { ExternalAccount } from '../external/accounts.ts'
import { describeUserAgent } from '../user-agent.ts'
import { actorOf } from './actor.ts'
import type { AccountSessionRow, AccountSessionStore } from './session-store.ts'

/** Longest id of a session, in characters. */
const MAX_ID_CHARACTERS = 255

/** How precise `lastSeenAt` is, in milliseconds: more often, a look writes nothing. */
const SEEN_EVERY_MS = 60_000

/**
 * Returns the provider's id of a session from the claims of a token. The claim differs by provider: `sid` in Clerk and
 * WorkOS, `session_id` in Supabase. Firebase has only the time of sign-in.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`
 */
export function sessionIdOf({
  sid,
  session_id: sessionId,
  auth_time: time,
}: ExternalAccount['claims']): string | undefined {
  const id = sid ?? sessionId ?? time
  if (id === undefined) return undefined
  const isMeant = (typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARACTERS) || typeof id === 'number'
  if (!isMeant) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sid')
  return String(id)
}

/** Returns the id of a session for clients and for `sid` of exchanged tokens. It gives no access at the provider. */
export async function deviceIdOf(
  { issuer, subject }: Pick<ExternalAccount, 'issuer' | 'subject'>,
  session: string,
): Promise<string> {
  const text = utf8(JSON.stringify(['latchkey/v1/sid', issuer, subject, session]))
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', text)).slice(0, 16))
}

/** The session of a verified token. */
export interface CurrentSession {
  /** The provider's id. */
  readonly session: string
  readonly deviceId: string
}

/**
 * Makes sure that a token's session was not revoked.
 *
 * @param userAgent - records that the session was used, by a device with this `User-Agent` header; null if it has none.
 *   An impersonated session is not recorded: it is no device of the user
 * @returns null if the token does not name a session, or the store has none
 * @throws {LatchkeyError} `SESSION_REVOKED`, `TOKEN_CLAIM_INVALID`
 */
export async function requireLive(
  store: AccountSessionStore | null,
  account: ExternalAccount,
  now: number,
  userAgent?: string | null,
): Promise<CurrentSession | null> {
  const session = sessionIdOf(account.claims)
  if (!store || session === undefined) return null
  const { issuer, subject } = account
  const found = await store.findSession(issuer, subject, session)
  const isDue = !found || found.lastSeenAt <= now - SEEN_EVERY_MS
  const isSeen = userAgent !== undefined && isDue && !actorOf(account)
  // The answer of the write counts: it may have been revoked meanwhile.
  const row = isSeen ? await store.seeSession(issuer, subject, { session, ...describeUserAgent(userAgent) }) : found
  if (row && isRevoked(row)) throw new LatchkeyError('SESSION_REVOKED')
  return { session, deviceId: await deviceIdOf(account, session) }
}

export function isRevoked({ revokedAt }: AccountSessionRow): boolean {
  return revokedAt !== null
}
