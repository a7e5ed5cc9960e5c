import type { AuthContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { ERROR_TABLE, LatchkeyError, type ProofExpectation, type Verified, type ProofClaims, createProofVerifier, isLatchkeyError } from '../../lib/server.ts'
import type { ProvenDevice } from './lock.ts'
import { type Once, createOnce } from './once.ts'

/** The request header that carries a proof. Never `Authorization`: apps use that one for sessions. */
export const PROOF_HEADER = 'x-latchkey-proof'

/** Checks proofs, each once. */
export interface ProofGate {
  /**
   * Checks the proof in the headers and uses it up.
   *
   * @throws {APIError} the proof does not hold, or was used before
   */
  admit(context: AuthContext, headers: Headers, expectation: ProofExpectation): Promise<ProvenDevice>
  /** Uses a name up that works once. @throws {APIError} `PROOF_REPLAYED` */
  useOnce(context: AuthContext, name: string, until: Date): Promise<void>
}

/** @param audience - the account server: origin plus base path, from configuration, never from a Host header */
export function createProofGate(audience: string, clock: () => number, once: Once = createOnce(clock)): ProofGate {
  const verifier = createProofVerifier({ audience, clock })

  async function verify(proof: string, expectation: ProofExpectation): Promise<Verified<ProofClaims>> {
    try {
      return await verifier.verify(proof, expectation)
    } catch (error) {
      throw toApiError(error)
    }
  }

  /** Outside any transaction: a rolled-back sign-up must not make its proof usable again. */
  async function useOnce({ adapter }: AuthContext, name: string, until: Date): Promise<void> {
    if (!(await once.use(adapter, name, until))) throw refusal('PROOF_REPLAYED')
  }

  return {
    useOnce,
    async admit(context, headers, expectation) {
      const { principal, thumbprint, claims } = await verify(headers.get(PROOF_HEADER) ?? '', expectation)
      await useOnce(context, claims.jti, new Date(claims.exp * 1000))
      return { principal, thumbprint }
    },
  }
}

const STATUS = { 400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 404: 'NOT_FOUND', 409: 'CONFLICT', 503: 'SERVICE_UNAVAILABLE' } as const

/** What an endpoint answers for a deliberate failure; anything else stays what it is. */
export function toApiError(error: unknown): unknown {
  if (!isLatchkeyError(error)) return error
  const { status = 400, meaning } = ERROR_TABLE[error.code]
  return new APIError(STATUS[status], { code: error.code, message: meaning })
}

/** An {@link APIError} for a code of the table. */
export function refusal(code: LatchkeyError['code']): APIError {
  return toApiError(new LatchkeyError(code)) as APIError
}
