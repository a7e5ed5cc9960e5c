import type { DeviceKey } from '../../identity/device-key.ts'
import { type ProofInput, mintProof } from '../../tokens/prove.ts'
import type { AccountProvider } from './account-provider.ts'
import type { Runtime } from './context.ts'

/** Signs a proof for the account server, by the time that it is known to have. */
export function proofFor(
  { core, now }: Runtime,
  key: DeviceKey,
  { audience }: AccountProvider,
  act: Pick<ProofInput, 'purpose' | 'nonce' | 'linkTo'>,
): Promise<string> {
  return mintProof(core.signJws, key, { audience, now: now() / 1000, ...act })
}
