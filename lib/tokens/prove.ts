import type { DeviceKey } from '../identity/device-key.ts'
import type { Purpose } from './claims.ts'
import { signJws } from './mint.ts'

/** Header `typ` of a proof. */
export const PROOF_TYPE = 'latchkey-proof+jwt'

/** Lifetime of a proof, in seconds. */
const PROOF_LIFETIME_S = 60

/** Content of a proof. */
export interface ProofInput {
  /** `aud`: the account server's origin plus base path, without a trailing slash. */
  readonly audience: string
  /** In seconds since 1970. */
  readonly now: number
  readonly purpose: Purpose
  /** From the account server's challenge. */
  readonly nonce?: string | undefined
  /** The account's principal, for `link`. */
  readonly linkTo?: string | undefined
  /** Thumbprint of the new device's key, for `pair`: another device's, or the signer's own. */
  readonly pairTo?: string | undefined
  /** From `backupDigest`, for `backup`. */
  readonly digest?: string | undefined
  /** 22 base64url characters. Defaults to fresh random bytes. */
  readonly jti?: string
}

/** Signs a proof that is valid for 60 seconds. */
export function mintProof(key: DeviceKey, input: ProofInput): Promise<string> {
  const { audience, now, jti = randomId(), purpose, nonce, linkTo, pairTo, digest } = input
  const claims = { jti, purpose, nonce, link_to: linkTo, pair_to: pairTo, digest }
  return signJws(key, PROOF_TYPE, { audience, now, lifetime: PROOF_LIFETIME_S }, claims)
}

/** Returns 16 random bytes, base64url. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .slice(0, 22)
}
