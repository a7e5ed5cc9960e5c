// For adapters that give a device secret a further identity. Not a public entry point.

export { LatchkeyError } from './errors.ts'
export { decodeBase64url, encodeBase64url } from './identity/encoding.ts'
export type { CryptoSuite } from './identity/crypto.ts'
export { openDeviceKey } from './identity/device-key.ts'
export { digest } from './identity/further-digest.ts'
export type { IdentityProfile } from './identity/profile.ts'
export { parseSecret } from './identity/secret.ts'
export { openSigningKey } from './identity/signing-key.ts'
export { utf8 } from './identity/encoding.ts'
