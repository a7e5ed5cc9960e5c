import type { AuthContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { ERROR_TABLE, LatchkeyError, isLatchkeyError } from '../../../lib/server.ts'
import {
  type Challenges,
  type ProofClaims,
  type ProofExpectation,
  createProofVerifier,
} from '../../../lib/server-kit.ts'
import { type ReplayStore, createReplayStore } from '../binding/replay-store.ts'
import { hintAtBaseURL } from './base-url-hint.ts'
import type { OwnAddresses } from './own-address.ts'
import type { Adapter, ProvenDevice } from '../binding/types.ts'

/** The request header for a proof. Not `Authorization`: apps use that one for sessions. */
export const PROOF_HEADER = 'x-latchkey-proof'

/** Verifies proofs; each can be used once. */
export interface OneTimeProofs {
  /**
   * Verifies the proof in the headers and marks it as used.
   *
   * @throws {APIError} the proof is invalid, or was used before
   */
  admit(context: AuthContext, headers: Headers, expectation: ProofExpectation): Promise<ProvenDevice>
  /**
   * Verifies a proof and marks it as used.
   *
   * @throws {LatchkeyError} the proof is invalid, or was used before
   */
  verify(adapter: Adapter, proof: string, expectation: ProofExpectation): Promise<ProvenDevice>
  /**
   * Marks a name as used.
   *
   * @throws {APIError} `PROOF_REPLAYED`
   */
  useOnce(context: AuthContext, name: string, until: Date): Promise<void>
}

/** Options of {@link createOneTimeProofs}. */
export interface OneTimeProofOptions {
  /** `aud`: the account server's addresses. */
  readonly audience: string | OwnAddresses
  readonly clock: () => number
  readonly replayStore?: ReplayStore
  /** If set, proofs without a nonce of a session also need a nonce. */
  readonly challenges?: Challenges | undefined
}

export function createOneTimeProofs({
  audience,
  clock,
  replayStore = createReplayStore(clock),
  challenges,
}: OneTimeProofOptions): OneTimeProofs {
  const verifier = createProofVerifier({ audience, clock })

  /** Outside any transaction: a rolled-back sign-up must not make its proof usable again. */
  async function useOnce(adapter: Adapter, name: string, until: Date): Promise<void> {
    if (!(await replayStore.use(adapter, name, until))) throw new LatchkeyError('PROOF_REPLAYED')
  }

  async function verify(adapter: Adapter, proof: string, expectation: ProofExpectation): Promise<ProvenDevice> {
    const { principal, thumbprint, claims } = await verifier.verify(proof, expectation)
    const until = challenges && expectation.nonce === undefined ? await checkNonce(challenges, claims) : null
    await useOnce(adapter, claims.jti, new Date(claims.exp * 1000))
    if (until) await useOnce(adapter, nonceName(claims.nonce!), until)
    return { principal, thumbprint }
  }

  return {
    verify,
    useOnce: ({ adapter }, name, until) => useOnce(adapter, name, until).catch(rethrow),
    async admit(context, headers, expectation) {
      const proof = headers.get(PROOF_HEADER) ?? ''
      try {
        return await verify(context.adapter, proof, expectation)
      } catch (error) {
        if (isLatchkeyError(error, 'TOKEN_AUDIENCE_MISMATCH'))
          hintAtBaseURL(context, proof, audience.length === 1 ? audience[0] : audience)
        return rethrow(error)
      }
    },
  }
}

/** @returns the nonce's expiry */
async function checkNonce(challenges: Challenges, { nonce, purpose }: ProofClaims): Promise<Date> {
  if (nonce === undefined) throw new LatchkeyError('PROOF_NONCE_MISSING')
  const until = await challenges.check(nonce, purpose, NO_SESSION)
  if (!until) throw new LatchkeyError('PROOF_NONCE_MISMATCH')
  return until
}

/** The session of a nonce for an operation without a session. */
export const NO_SESSION = ''

/** Returns the name under which a nonce is marked as used. */
export function nonceName(nonce: string): string {
  return `nonce:${nonce}`
}

/** For `catch`: throws the error that an endpoint responds with, see {@link toApiError}. */
export function rethrow(error: unknown): never {
  throw toApiError(error)
}

const STATUS = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  503: 'SERVICE_UNAVAILABLE',
} as const

/** Converts a deliberate failure into the error that an endpoint responds with; any other error is unchanged. */
export function toApiError(error: unknown): unknown {
  if (!isLatchkeyError(error)) return error
  const { status = 400, meaning } = ERROR_TABLE[error.code]
  return new APIError(STATUS[status], { code: error.code, message: meaning })
}

/** Creates an {@link APIError} for a code of the table. */
export function refusal(code: LatchkeyError['code']): APIError {
  return toApiError(new LatchkeyError(code)) as APIError
}

/**
 * Refuses an account that someone else may still enter.
 *
 * @param remaining - what has to be removed first; the answer names it
 * @throws {APIError} `ACCOUNT_HANDED_OVER`, unless nothing remains
 */
export function refuseHandedOver(remaining: readonly string[]): void {
  if (remaining.length === 0) return
  const error = refusal('ACCOUNT_HANDED_OVER')
  throw new APIError(error.status, { ...error.body, remaining })
}
