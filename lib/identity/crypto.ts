/** An Ed25519 key that signs. The private half stays inside. */
export interface SigningKey {
  /** The public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Returns the 64-byte Ed25519 signature (RFC 8032) of `data`. */
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

/**
 * The four primitives that an identity needs. Two implementations give identical keys:
 * WebCrypto (`native.ts`) and `@noble` (`noble.ts`).
 */
export interface CryptoSuite {
  /** Which implementation this is, for diagnostics. */
  readonly name: 'native' | 'noble'
  /** HKDF-SHA-256 (RFC 5869) with an empty salt, 32 bytes out. */
  hkdf(ikm: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** SHA-256, 32 bytes out. */
  sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** Turns a 32-byte Ed25519 seed into a key that signs. */
  signingKey(seed: Uint8Array<ArrayBuffer>): Promise<SigningKey>
}

/** Non-extractable keys that can take a secret's place: script can use them, not copy them. */
export interface HardenedKeys {
  /** Ed25519, signs. */
  readonly sign: CryptoKey
  /** HKDF, the root of `deriveKey`. */
  readonly appRoot: CryptoKey
}
