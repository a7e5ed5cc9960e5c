import type { GenericEndpointContext } from 'better-auth'
import type { ChallengePurpose, Challenges } from '../../../lib/server-kit.ts'
import { readText } from './endpoint.ts'
import { type OneTimeProofs, nonceName, refusal } from '../hooks/proofs.ts'

/** The context of an endpoint for the current session. */
export type SessionContext = GenericEndpointContext & {
  readonly context: { readonly session: NonNullable<GenericEndpointContext['context']['session']> }
}

/** Verifies nonces and proofs. */
export interface NonceTools {
  readonly proofs: OneTimeProofs
  readonly challenges: Challenges
}

/**
 * Marks the nonce in the body as used. It must be for this session and purpose.
 *
 * @param admit - verifies the proof that goes with it; an invalid proof does not use up the nonce
 * @throws {APIError} `PROOF_NONCE_MISMATCH`, `PROOF_REPLAYED`, or the error of `admit`
 */
export async function useNonce<Admitted = void>(
  ctx: SessionContext,
  { proofs, challenges }: NonceTools,
  purpose: ChallengePurpose,
  admit?: () => Promise<Admitted>,
): Promise<Admitted> {
  const nonce = readText(ctx.body, 'nonce', 200)
  const until = await challenges.check(nonce, purpose, ctx.context.session.session.id)
  if (!until) throw refusal('PROOF_NONCE_MISMATCH')
  const admitted = await admit?.()
  await proofs.useOnce(ctx.context, nonceName(nonce), until)
  return admitted as Admitted
}
