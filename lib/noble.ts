export { nobleSuite } from './identity/noble.ts'
export type { CryptoSuite, SigningKey } from './identity/crypto.ts'
