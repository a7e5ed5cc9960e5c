export { connectZero } from './connect.ts'
export type { CurrentZero, ZeroInput, ZeroSession, ZeroSessionOptions } from './connect.ts'
export type { ZeroLike, ZeroState } from './client.ts'
