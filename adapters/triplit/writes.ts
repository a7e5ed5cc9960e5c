import type { ConnectedSession } from '../../lib/session.ts'
import type { TriplitClientLike, TriplitCollectionChanges } from './client.ts'

/** A write that is in the outbox. */
export interface PendingWrite {
  readonly collection: string
  readonly id: string
  readonly kind: 'set' | 'delete'
}

/** The server took none of the writes in the outbox, since it refuses one of them. It does not tell which. */
export interface RejectedWrites {
  /** What the server said: a `TriplitError`, with a `name` such as `WritePermissionError`. */
  readonly error: unknown
  /** Everything that waits in the outbox: nothing of it reaches the server until what is refused is gone. */
  readonly writes: readonly PendingWrite[]
  /** Takes one write back, here too, and sends the others. */
  drop(write: Pick<PendingWrite, 'collection' | 'id'>): Promise<void>
  /** Takes all of them back, here too. */
  dropAll(): Promise<void>
}

/** Called when the server refused what is in the outbox; again each time it is tried again. */
export type OnWritesRejected = (rejected: RejectedWrites, session: ConnectedSession) => unknown

/** Tells what the server refuses; Triplit alone would write a line into the log, and stop syncing. */
export function watchWrites(client: TriplitClientLike, tell: (rejected: RejectedWrites) => unknown): void {
  client.onFailureToSyncWrites((error, changes: Readonly<Record<string, TriplitCollectionChanges>> = {}) => {
    const drop: RejectedWrites['drop'] = async ({ collection, id }) =>
      void (await client.clearPendingChangesForEntity(collection, id))
    // Not awaited: the client waits for its listeners before it reads the next message, and dropping waits for the
    // client.
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
