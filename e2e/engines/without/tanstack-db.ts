// TanStack DB over HTTP without Latchkey: its lines are counted in docs/engines.md, beside ../fixtures/tanstack-db.ts.
// The session is Better Auth's cookie, so that there is no token.
import { createCollection } from '@tanstack/db'
import { NonRetriableError, type StorageAdapter, startOfflineExecutor } from '@tanstack/offline-transactions'
import { QueryClient } from '@tanstack/query-core'
import { queryCollectionOptions } from '@tanstack/query-db-collection'

export interface Note {
  readonly id: string
  readonly owner: string
  readonly text: string
}

/** Each user has a `storage` for the outbox and the last answer, so that the next one sees nothing of the last one. */
export async function openNotes(user: string, url: string, storage: StorageAdapter) {
  let known = JSON.parse((await storage.get('rows')) ?? '[]') as Note[]

  async function read(): Promise<Note[]> {
    const response = await fetch(`${url}/notes`, { credentials: 'include' })
    if (!response.ok) throw new Error('the server does not answer now')
    known = (await response.json()) as Note[]
    await storage.set('rows', JSON.stringify(known))
    return known
  }
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } })
  const notes = createCollection(
    queryCollectionOptions<Note>({
      queryKey: ['notes'],
      queryClient,
      getKey: ({ id }) => id,
      // After a query that fails, the collection takes no insert any more: answer what is known.
      queryFn: () => read().catch(() => known),
    }),
  )
  const outbox = startOfflineExecutor({
    collections: { notes },
    storage,
    mutationFns: {
      async save({ transaction }) {
        const body = JSON.stringify(transaction.mutations.map(({ modified }) => modified))
        const response = await fetch(`${url}/notes`, { method: 'POST', credentials: 'include', body })
        // Only this ends the attempts. The retry policy also gives up on a message that contains 400, 401, 403 or 422.
        if (response.status === 403) throw new NonRetriableError('the server refuses the row')
        if (!response.ok) throw new Error('the server does not take it now')
        await notes.utils.refetch()
      },
    },
  })
  notes.startSyncImmediate()
  await outbox.waitForInit()
  return {
    rows: () => notes.toArray,
    refresh: () => notes.utils.refetch(),
    /** In a tab without an outbox, it rejects if the server does not take the row now. */
    async add(text: string): Promise<void> {
      // Only the tab that leads has one: in the others, this is a plain transaction.
      const { isOfflineEnabled } = outbox
      const transaction = outbox.createOfflineTransaction({ mutationFnName: 'save', autoCommit: false })
      transaction.mutate(() => void notes.insert({ id: crypto.randomUUID(), owner: user, text }))
      const committed = transaction.commit()
      if (isOfflineEnabled) committed.catch(() => {})
      else await committed
    },
    async clear(): Promise<void> {
      outbox.dispose()
      await storage.clear()
    },
  }
}
