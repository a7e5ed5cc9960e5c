import { APIError, createAuthEndpoint, getAuthoritativeSessionFromCtx } from 'better-auth/api'
import type { ChallengePurpose, Challenges } from '../../lib/server.ts'
import { type Endpoint, readText } from './endpoint.ts'

/** What `POST /latchkey/challenge` answers. Times are milliseconds since 1970. */
export interface ChallengeAnswer {
  readonly nonce: string
  readonly expiresAt: number
  /** This server's clock. */
  readonly now: number
}

/** Acts that an account agrees to, too. */
const NEEDS_SESSION: readonly string[] = ['bind', 'link', 'unlink'] satisfies ChallengePurpose[]

/** Issues a nonce for an act of the session in force. */
export function challengeEndpoint(challenges: () => Challenges, clock: () => number): Endpoint {
  return createAuthEndpoint('/latchkey/challenge', { method: 'POST', requireHeaders: true, metadata: { noStore: true } }, async (ctx) => {
    const purpose = readText(ctx.body, 'purpose', 16)
    if (!NEEDS_SESSION.includes(purpose)) throw new APIError('BAD_REQUEST', { code: 'BODY_INVALID', message: 'purpose: expected bind, link or unlink' })
    const found = await getAuthoritativeSessionFromCtx(ctx)
    if (!found) throw new APIError('UNAUTHORIZED')
    const issued = await challenges().issue(purpose as ChallengePurpose, found.session.id)
    return ctx.json<ChallengeAnswer>({ ...issued, now: clock() })
  })
}
