import type { OwnerStore } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** Stored in the same database as the data, so that `clear()` deletes it too. */
const KEY: readonly string[] = ['latchkey', 'owner']

/** The owner of the data in a client's local database, kept over reloads. */
export function ownerIn(client: TriplitClientLike): OwnerStore {
  return {
    async read() {
      await client.ready
      return (await client.db.getMetadata([...KEY])) as string | null | undefined
    },
    async write(principal) {
      await client.ready
      // Without a principal, the database was just cleared.
      if (principal !== null) await client.db.setMetadata([...KEY], principal)
    },
  }
}
