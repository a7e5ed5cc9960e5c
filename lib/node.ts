export { fileStore } from './keystore/file.ts'
export type { RecordStore } from './keystore/store.ts'
