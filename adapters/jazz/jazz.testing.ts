import { type KeyObject, createHash, createPrivateKey, sign } from 'node:crypto'
import { type Forger, type Members, membersOf } from '../../lib/tokens/forge.testing.ts'
import vectors from '../../lib/vectors/jazz.json' with { type: 'json' }

// Tokens signed here depend on node:crypto, Buffer and the vectors only.

export const VECTORS: typeof vectors = vectors
export const IDENTITIES: typeof vectors.identities = vectors.identities

/** Seconds since 1970, the `now` of every vector. */
export const NOW: number = IDENTITIES[0]!.now
export const clock = (): number => NOW * 1000

export const APP = 'my-app'
/** The `aud` of {@link APP}. */
export const AUDIENCE: string = IDENTITIES[0]!.audience_normalised

/** A key that signs any text; `principal` is its Jazz user id. */
export type JazzForger = Pick<Forger, 'x' | 'principal' | 'sign'>

function privateKeyOf(seed: string, x: string): KeyObject {
  const d = Buffer.from(seed, 'hex').toString('base64url')
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' })
}

export function forgerOf(identity: (typeof IDENTITIES)[number]): JazzForger {
  const key = privateKeyOf(identity.signing_key_hex, identity.public_key_b64url)
  return { x: identity.public_key_b64url, principal: identity.user_id, sign: (data) => sign(null, data, key) }
}

export const ALICE: JazzForger = forgerOf(IDENTITIES[1]!)
export const BOB: JazzForger = forgerOf(IDENTITIES[2]!)

export const HEADER: Members = { alg: 'EdDSA', typ: 'JWT' }

export function claimsOf({ x, principal }: Pick<JazzForger, 'x' | 'principal'> = ALICE): Members {
  return {
    iss: 'urn:jazz:local-first',
    sub: principal,
    aud: AUDIENCE,
    jazz_pub_key: x,
    iat: NOW,
    exp: NOW + 900,
  }
}

/** UUIDv5 (RFC 9562 §5.5) in the namespace of Jazz's keys, implemented independently. */
export function userIdOf(publicKey: Uint8Array): string {
  const hash = createHash('sha1').update(Buffer.from(vectors.namespace_key.replaceAll('-', ''), 'hex'))
  const hex = hash.update(publicKey).digest('hex')
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) % 4]!
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-')
}

export { membersOf }
