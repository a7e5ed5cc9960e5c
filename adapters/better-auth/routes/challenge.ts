import { APIError, createAuthEndpoint } from 'better-auth/api'
import type { ChallengePurpose, Challenges } from '../../../lib/server-kit.ts'
import { type Endpoint, readText, requireSession } from './endpoint.ts'
import { NO_SESSION } from '../hooks/proofs.ts'

/** The response of `POST /latchkey/challenge`. Times are milliseconds since 1970. */
export interface ChallengeAnswer {
  readonly nonce: string
  readonly expiresAt: number
  /** This server's clock. */
  readonly now: number
}

/** Purposes that need the account's session. */
const NEEDS_SESSION: readonly string[] = ['bind', 'link', 'unlink'] satisfies ChallengePurpose[]

/** Purposes of a device alone. */
const NEEDS_NONE: readonly string[] = ['upgrade', 'exchange', 'known', 'pair', 'backup'] satisfies ChallengePurpose[]

/**
 * Issues a nonce for an operation of the current session.
 *
 * @param isRequired - true if every proof needs a nonce: then nonces are also issued without a session
 */
export function challengeEndpoint(challenges: () => Challenges, isRequired: boolean, clock: () => number): Endpoint {
  const known = isRequired ? [...NEEDS_SESSION, ...NEEDS_NONE] : NEEDS_SESSION
  return createAuthEndpoint(
    '/latchkey/challenge',
    { method: 'POST', requireHeaders: true, metadata: { noStore: true } },
    async (ctx) => {
      const purpose = readText(ctx.body, 'purpose', 16)
      if (!known.includes(purpose))
        throw new APIError('BAD_REQUEST', {
          code: 'BODY_INVALID',
          message: `purpose: expected one of ${known.join(', ')}`,
        })
      const session = NEEDS_NONE.includes(purpose) ? NO_SESSION : (await requireSession(ctx)).session.id
      const issued = await challenges().issue(purpose as ChallengePurpose, session)
      return ctx.json<ChallengeAnswer>({ ...issued, now: clock() })
    },
  )
}
