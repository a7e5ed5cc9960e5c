import type { ConnectedSession } from '../../lib/session.ts'
import type { TriplitClientLike, TriplitCollectionChanges } from './client.ts'

/** A write in the outbox. */
export interface PendingWrite {
  readonly collection: string
  readonly id: string
  readonly kind: 'set' | 'delete'
}

/** The server refused one of the writes in the outbox, and therefore accepted none. It does not report which one. */
export interface RejectedWrites {
  /** The server's error: a `TriplitError`, with a `name` such as `WritePermissionError`. */
  readonly error: unknown
  /** All writes in the outbox: none of them reaches the server until the refused one is removed. */
  readonly writes: readonly PendingWrite[]
  /** Removes one write, reverts it locally, and sends the others. */
  drop(write: Pick<PendingWrite, 'collection' | 'id'>): Promise<void>
  /** Removes all writes and reverts them locally. */
  dropAll(): Promise<void>
}

/** Called when the server refused the outbox, and again after every retry. */
export type OnWritesRejected = (rejected: RejectedWrites, session: ConnectedSession) => unknown

/** Reports refused writes. Triplit itself would only write a log line and stop syncing. */
export function watchWrites(client: TriplitClientLike, tell: (rejected: RejectedWrites) => unknown): void {
  client.onFailureToSyncWrites((error, changes: Readonly<Record<string, TriplitCollectionChanges>> = {}) => {
    const drop: RejectedWrites['drop'] = async ({ collection, id }) =>
      void (await client.clearPendingChangesForEntity(collection, id))
    // Not awaited: the client waits for its listeners before it reads the next message, and dropping a write waits for
    // the client.
    void tell({
      error,
      writes: writesIn(changes),
      drop,
      dropAll: async () => void (await client.clearPendingChangesAll()),
    })
  })
}

function writesIn(changes: Readonly<Record<string, TriplitCollectionChanges>>): PendingWrite[] {
  return Object.entries(changes).flatMap(([collection, { sets, deletes }]) => [
    ...[...sets.keys()].map((id) => ({ collection, id, kind: 'set' as const })),
    ...[...deletes].map((id) => ({ collection, id, kind: 'delete' as const })),
  ])
}
