import type { RecordStore } from './store.ts'

/** A store that dies with the page. An explicit choice: nothing falls back to it by itself. */
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
