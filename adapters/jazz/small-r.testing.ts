import { createHash } from 'node:crypto'
import { ORDER, fromLittleEndian, toLittleEndian } from '../../lib/tokens/forge.testing.ts'
import { IDENTITIES } from './jazz.testing.ts'

/**
 * Signs with the nonce 0, as only the holder of Alice's key can: R is the neutral element, of order 1, and S is the
 * hash times the key's scalar (RFC 8032 §5.1.6).
 */
export function signSmall(input: string): Buffer {
  const { signing_key_hex: seed, public_key_hex: publicKey } = IDENTITIES[1]!
  const scalar = createHash('sha512').update(Buffer.from(seed, 'hex')).digest().subarray(0, 32)
  scalar[0]! &= 0xf8
  scalar[31]! = (scalar[31]! & 0x7f) | 0x40
  const r = Buffer.from(`01${'00'.repeat(31)}`, 'hex')
  const hash = createHash('sha512').update(r).update(Buffer.from(publicKey, 'hex')).update(input).digest()
  return Buffer.concat([r, toLittleEndian((fromLittleEndian(hash) * fromLittleEndian(scalar)) % ORDER)])
}
