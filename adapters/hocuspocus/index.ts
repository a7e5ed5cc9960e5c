export { connectHocuspocus } from './connect.ts'
export type { HocuspocusOptions, ProviderInput } from './connect.ts'
export type { HocuspocusProviderLike, HocuspocusSocketLike, YDocLike } from './provider.ts'
