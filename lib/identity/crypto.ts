/** An Ed25519 signing key. The private key is not exposed. */
export interface SigningKey {
  /** The public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Returns the 64-byte Ed25519 signature (RFC 8032) of `data`. */
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

/**
 * The primitives that an identity needs. The two implementations, WebCrypto (`native.ts`) and `@noble` (`noble.ts`),
 * give identical keys.
 */
export interface CryptoSuite {
  /** The implementation, for diagnostics. */
  readonly name: 'native' | 'noble'
  /** HKDF-SHA-256 (RFC 5869) with an empty salt, 32 bytes out. */
  hkdf(ikm: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** SHA-256, 32 bytes out. */
  sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** Creates the signing key of a 32-byte Ed25519 seed. */
  signingKey(seed: Uint8Array<ArrayBuffer>): Promise<SigningKey>
}

/** Non-extractable keys that replace a secret: scripts can use them but not copy them. */
export interface HardenedKeys {
  /** Ed25519, for signatures. */
  readonly sign: CryptoKey
  /** HKDF, for `deriveKey`. */
  readonly appRoot: CryptoKey
}
