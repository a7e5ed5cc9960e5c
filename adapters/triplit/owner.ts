import { LatchkeyError } from '../../lib/index.ts'
import type { OwnerStore, SessionAuth } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** Stored in the same database as the data, so that `clear()` deletes it too. */
const KEY: readonly string[] = ['latchkey', 'owner']

/** Both views of the owner: that of this tab, and the stored one. */
type TriplitOwner = Required<Omit<OwnerStore, 'adopt'>>

/** The owner of the data in a client's local database, kept over reloads. */
export function ownerIn(client: TriplitClientLike): TriplitOwner {
  const read = async (): Promise<string | null | undefined> => {
    await client.ready
    return (await client.db.getMetadata([...KEY])) as string | null | undefined
  }
  return {
    read,
    async stored() {
      await client.ready
      const { kv } = client.db
      if (!kv || !('cache' in kv)) return read()
      // Triplit's store for IndexedDB fills its cache once, when the tab opens. Without one, it reads the database.
      const direct = Object.create(kv, { cache: { value: undefined } }) as typeof kv
      return (await direct.get([...KEY], ['_metadata'])) as string | undefined
    },
    async write(principal) {
      await client.ready
      // Without a principal, the database was just cleared.
      if (principal !== null) await client.db.setMetadata([...KEY], principal)
    },
  }
}

/**
 * Checks that the data is not the current user's already while this tab still shows that of the previous one: another
 * tab has handled it.
 *
 * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`
 */
export async function requireSeen(auth: Pick<SessionAuth, 'getState'>, { read, stored }: TriplitOwner): Promise<void> {
  const principals: readonly unknown[] = auth.getState().session?.principals ?? []
  if (principals.includes(await stored()) && !principals.includes(await read()))
    throw new LatchkeyError('PRINCIPAL_MISMATCH', 'reload the page')
}
