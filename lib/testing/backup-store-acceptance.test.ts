import { describe, expect, test } from 'vitest'
import { type BackupWorld, backupStoreAcceptance } from './backup-store-acceptance.ts'
import { type MemoryBackups, memoryBackups } from './memory-backups.ts'

describe('a store in memory', () => {
  for (const { name, run } of backupStoreAcceptance(async () => ({ store: memoryBackups() }))) test(name, run)
})

const broken = (change: (store: MemoryBackups, kept: Map<string, string>) => Partial<MemoryBackups>): BackupWorld => {
  const store = memoryBackups()
  return { store: { ...store, ...change(store, store.kept as Map<string, string>) } }
}

test.each<[string, () => BackupWorld]>([
  ['forgets', () => broken(() => ({ put: async () => null }))],
  [
    'overwrites',
    () =>
      broken(() => {
        const kept = new Map<string, string>()
        return {
          put: async (locator, envelope) => (kept.set(locator, envelope), null),
          read: async (locator) => kept.get(locator) ?? null,
        }
      }),
  ],
  ['renews for anyone', () => broken(() => ({ renew: async () => null }))],
  ['removes for anyone', () => broken((_, kept) => ({ remove: async () => kept.clear() }))],
  ['keeps what was removed', () => broken(() => ({ remove: async () => {} }))],
  ['reads anything at any locator', () => broken((_, kept) => ({ read: async () => [...kept.values()][0] ?? null }))],
])('a store that %s fails', async (_, open) => {
  const outcomes = await Promise.allSettled(backupStoreAcceptance(async () => open()).map(({ run }) => run()))
  expect(outcomes.map(({ status }) => status)).toContain('rejected')
})
