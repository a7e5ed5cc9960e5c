// RxDB with its own replication without Latchkey: its lines are counted in docs/engines.md, beside ../fixtures/rxdb.ts.
// The session is Better Auth's cookie, so that there is no token.
import { type RxCollection, type RxDatabaseCreator, createRxDatabase } from 'rxdb'
import { replicateRxCollection } from 'rxdb/plugins/replication'

export interface Note {
  id: string
  owner: string
  text: string
}
interface Checkpoint {
  readonly since: number
}

const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: { id: { type: 'string', maxLength: 36 }, owner: { type: 'string' }, text: { type: 'string' } },
  required: ['id', 'owner', 'text'],
} as const

/** Each user has a database, so that the next one sees nothing of the last one. */
export async function openNotes(user: string, url: string, storage: RxDatabaseCreator['storage']) {
  const database = await createRxDatabase<{ notes: RxCollection<Note> }>({ name: `notes-${user}`, storage })
  await database.addCollections({ notes: { schema } })
  const replication = replicateRxCollection<Note, Checkpoint>({
    collection: database.notes as unknown as RxCollection<Note>,
    replicationIdentifier: `${url}/notes`,
    retryTime: 1000,
    waitForLeadership: false,
    pull: {
      async handler(checkpoint, limit) {
        const address = `${url}/changes?since=${checkpoint?.since ?? 0}&limit=${limit}`
        const response = await fetch(address, { credentials: 'include' })
        if (!response.ok) throw new Error('the server does not answer now')
        return (await response.json()) as { documents: (Note & { _deleted: boolean })[]; checkpoint: Checkpoint }
      },
    },
    push: {
      async handler(rows) {
        const sent = rows.map(({ newDocumentState }) => newDocumentState)
        const body = JSON.stringify(sent)
        const response = await fetch(`${url}/notes`, { method: 'POST', credentials: 'include', body })
        if (response.status !== 403) {
          if (!response.ok) throw new Error('the server does not take it now')
          return []
        }
        // An error would block the whole batch for ever. A conflict lets the others pass.
        const { refused } = (await response.json()) as { refused: string[] }
        return sent.filter(({ id }) => refused.includes(id)).map((row) => ({ ...row, _deleted: true }))
      },
    },
  })
  return {
    rows: async () => (await database.notes.find().exec()).map((row) => row.toMutableJSON()),
    refresh: () => replication.reSync(),
    add: (text: string) => database.notes.insert({ id: crypto.randomUUID(), owner: user, text }),
    async clear(): Promise<void> {
      await replication.cancel()
      await database.remove()
    },
  }
}
