import type { GenericEndpointContext } from 'better-auth'
import type { ChallengePurpose, Challenges } from '../../../lib/server-kit.ts'
import { readText } from './endpoint.ts'
import { type ProofGate, nonceName, refusal } from '../hooks/proofs.ts'
import { isImpersonated } from '../hooks/impersonation.ts'
import type { BoundUser } from '../schema.ts'

/** The context of an endpoint that acts for the session in force. */
export type SessionContext = GenericEndpointContext & {
  readonly context: { readonly session: NonNullable<GenericEndpointContext['context']['session']> }
}

/** What checks nonces and proofs. */
export interface ActTools {
  readonly gate: ProofGate
  readonly challenges: Challenges
}

/**
 * Uses the nonce of the body up, which has to be one for this session and act.
 *
 * @param admit - checks the proof that goes with it; a nonce is not used up by a proof that does not hold
 * @throws {APIError} `PROOF_NONCE_MISMATCH`, `PROOF_REPLAYED`, or what `admit` threw
 */
export async function useNonce<Admitted = void>(
  ctx: SessionContext,
  { gate, challenges }: ActTools,
  purpose: ChallengePurpose,
  admit?: () => Promise<Admitted>,
): Promise<Admitted> {
  const nonce = readText(ctx.body, 'nonce', 200)
  const until = await challenges.check(nonce, purpose, ctx.context.session.session.id)
  if (!until) throw refusal('PROOF_NONCE_MISMATCH')
  const admitted = await admit?.()
  await gate.useOnce(ctx.context, nonceName(nonce), until)
  return admitted as Admitted
}

/** A user of Better Auth's anonymous plugin, or somebody else's session. */
export function isNotTheirs({ context: { session } }: SessionContext, user: BoundUser): boolean {
  return user.isAnonymous === true || isImpersonated(session.session)
}
