export { connectTriplit } from './connect.ts'
export type { TriplitOptions } from './connect.ts'
export type {
  TriplitClientLike,
  TriplitCollectionChanges,
  TriplitMessage,
  TriplitSessionError,
  TriplitStatus,
} from './client.ts'
export type { OnWritesRejected, PendingWrite, RejectedWrites } from './writes.ts'
