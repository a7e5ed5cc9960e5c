import type { RecordStore } from './store.ts'

/** Creates a store in memory that is lost with the page. Must be chosen explicitly: it is never a fallback. */
export function memoryStore(): RecordStore {
  let record: unknown
  return {
    durability: 'ephemeral',
    read: async () => structuredClone(record),
    async update(updater) {
      const found = structuredClone(record)
      const next = updater(found)
      if ((next as unknown) !== found) record = structuredClone(next)
      return next
    },
    close() {},
  }
}
