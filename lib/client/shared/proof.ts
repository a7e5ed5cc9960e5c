import type { DeviceKey } from '../../identity/device-key.ts'
import { type ProofInput, mintProof } from '../../tokens/prove.ts'
import type { AccountProvider } from './account-provider.ts'
import type { Context } from './context.ts'

/** Signs a proof for the account server, with the time corrected to the server's clock. */
export function proofFor(
  { now }: Pick<Context, 'now'>,
  key: DeviceKey,
  { audience }: AccountProvider,
  input: Pick<ProofInput, 'purpose' | 'nonce' | 'linkTo' | 'pairTo'>,
): Promise<string> {
  return mintProof(key, { audience, now: now() / 1000, ...input })
}
