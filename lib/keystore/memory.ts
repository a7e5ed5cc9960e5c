import { isPlain } from './plain.ts'
import type { RecordStore } from './store.ts'

/** Creates a store in memory that is lost with the page. Must be chosen explicitly: it is never a fallback. */
export function memoryStore(): RecordStore {
  let record: unknown
  return {
    durability: 'ephemeral',
    read: async () => copyOf(record),
    async update(updater) {
      const found = copyOf(record)
      const next = updater(found)
      if ((next as unknown) !== found) record = copyOf(next)
      return next
    },
    close() {},
  }
}

/** Copies what a record consists of. Not every engine has `structuredClone`; a `CryptoKey` cannot be changed. */
function copyOf(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('a record contains data only')
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOf(member)]))
}
