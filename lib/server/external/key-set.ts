import { type CryptoKey, type JWK, type JWSHeaderParameters, createLocalJWKSet, errors } from 'jose'
import { LatchkeyError } from '../../errors.ts'
import { type SignatureCheck, createSignatureCheck } from './signature.ts'

/** A key of an issuer, imported for one algorithm. */
export interface IssuerKey {
  readonly alg: string
  /** For jose. */
  readonly cryptoKey: CryptoKey
  /** Absent where signatures of this kind are left to jose. */
  readonly check: SignatureCheck | undefined
}

/** The parameters of a header by which a key is chosen. */
export interface KeyHeader {
  readonly alg?: unknown
  readonly kid?: unknown
}

/** The keys of one issuer. */
export interface KeySet {
  /** Returns a key that was found before, at once. */
  known(header: KeyHeader): IssuerKey | undefined
  /**
   * Finds the one key for a header: by `kid`, `alg`, `kty`, `crv`, `use` and `key_ops`, as jose does.
   *
   * @throws {LatchkeyError} `TOKEN_KEY_UNKNOWN`; if several keys match, jose's own error
   */
  find(header: KeyHeader): Promise<IssuerKey>
}

export function createKeySet(jwks: JWK[]): KeySet {
  const keys = createLocalJWKSet({ keys: jwks })
  // Only what was found is stored, so no header can add more entries than there are keys and algorithms.
  const found = new Map<unknown, Map<unknown, IssuerKey>>()
  return {
    known: ({ alg, kid }) => found.get(alg)?.get(kid),
    async find({ alg, kid }) {
      const cryptoKey = await select(keys, { alg, kid })
      const known = found.get(alg)?.get(kid)
      if (known) return known
      const name = String(alg)
      const key = { alg: name, cryptoKey, check: createSignatureCheck(name, cryptoKey) }
      found.set(alg, (found.get(alg) ?? new Map<unknown, IssuerKey>()).set(kid, key))
      return key
    },
  }
}

async function select(keys: ReturnType<typeof createLocalJWKSet>, header: KeyHeader): Promise<CryptoKey> {
  try {
    return await keys(header as JWSHeaderParameters)
  } catch (error) {
    throw error instanceof errors.JWKSNoMatchingKey ? new LatchkeyError('TOKEN_KEY_UNKNOWN') : error
  }
}
