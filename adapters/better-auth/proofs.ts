import type { AuthContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { ERROR_TABLE, LatchkeyError, type ProofVerifier, createProofVerifier, isLatchkeyError } from '../../lib/server.ts'
import type { ProvenDevice } from './principals.ts'

/** The request header that carries a proof. Never `Authorization`: apps use that one for sessions. */
export const PROOF_HEADER = 'x-latchkey-proof'

/** How often used proofs that have expired are swept out, in milliseconds. */
const SWEEP = 60_000

/** Checks the proof of a request once, and remembers its device for the hooks that follow. */
export interface ProofGate {
  /** @throws {APIError} the proof does not hold, or was used before */
  admit(context: AuthContext, headers: Headers): Promise<void>
  /** The device that proved itself in this request, if any. */
  deviceOf(headers: Headers | undefined): ProvenDevice | undefined
}

/** @param audience - the account server: origin plus base path, from configuration, never from a Host header */
export function createProofGate(audience: string, clock: () => number): ProofGate {
  const verifier = createProofVerifier({ audience, clock })
  // By the request's own headers: a call that another one makes inside has headers of its own.
  const devices = new WeakMap<Headers, ProvenDevice>()
  let swept = 0

  async function admit(context: AuthContext, headers: Headers): Promise<void> {
    const { principal, thumbprint, claims } = await verify(verifier, headers.get(PROOF_HEADER) ?? '')
    await useOnce(context, claims.jti, new Date(claims.exp * 1000))
    devices.set(headers, { principal, thumbprint })
    if (clock() - swept < SWEEP) return
    swept = clock()
    await context.adapter.deleteMany({ model: 'latchkeyProof', where: [{ field: 'until', operator: 'lt', value: new Date(swept) }] })
  }

  return { admit, deviceOf: (headers) => headers && devices.get(headers) }
}

async function verify(verifier: ProofVerifier, proof: string): ReturnType<ProofVerifier['verify']> {
  try {
    return await verifier.verify(proof, { purpose: 'upgrade' })
  } catch (error) {
    throw isLatchkeyError(error) ? toApiError(error) : error
  }
}

/** Outside any transaction: a rolled-back sign-up must not make its proof usable again. */
async function useOnce(context: AuthContext, jti: string, until: Date): Promise<void> {
  const isUsed = async (): Promise<boolean> => (await context.adapter.findOne({ model: 'latchkeyProof', where: [{ field: 'jti', value: jti }] })) !== null
  const replayed = toApiError(new LatchkeyError('PROOF_REPLAYED'))
  // Better Auth's own migrations make the column unique; elsewhere that is the app's schema, so look first.
  if (context.adapter.id !== 'kysely' && (await isUsed())) throw replayed
  try {
    await context.adapter.create({ model: 'latchkeyProof', data: { jti, until } })
  } catch (error) {
    throw (await isUsed()) ? replayed : error
  }
}

const STATUS = { 400: 'BAD_REQUEST', 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 409: 'CONFLICT', 503: 'SERVICE_UNAVAILABLE' } as const

/** What an endpoint answers for a deliberate failure. */
export function toApiError(error: LatchkeyError): APIError {
  const { status = 400, meaning } = ERROR_TABLE[error.code]
  return new APIError(STATUS[status], { code: error.code, message: meaning })
}
