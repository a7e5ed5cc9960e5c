import { describe, expect, test } from 'vitest'
import { type ReplayStore, replayStoreAcceptance } from './replay-store-acceptance.ts'

function memoryStore(nameOf: (name: string) => string = (name) => name): ReplayStore {
  const counts = new Map<string, number>()
  return {
    async increment(name) {
      const count = (counts.get(nameOf(name)) ?? 0) + 1
      counts.set(nameOf(name), count)
      return count
    },
  }
}

describe('a store in memory', () => {
  for (const { name, run } of replayStoreAcceptance(async () => memoryStore())) test(name, run)
})

test.each<[string, () => ReplayStore]>([
  ['compares names without case', () => memoryStore((name) => name.toLowerCase())],
  ['trims names', () => memoryStore((name) => name.trim())],
  ['counts from 0', () => ({ increment: async () => 0 })],
  ['reads before it writes', readsBeforeItWrites],
])('a store that %s fails', async (_, open) => {
  const outcomes = await Promise.allSettled(replayStoreAcceptance(async () => open()).map(({ run }) => run()))
  expect(outcomes.map(({ status }) => status)).toContain('rejected')
})

describe.each([
  ['seconds', 1000, 'fulfilled'],
  ['seconds as milliseconds', 1, 'rejected'],
] as const)('a store that keeps counts for %s', (_, unit, expected) => {
  test('with a clock', async () => {
    let now = 0
    const counts = new Map<string, { count: number; until: number }>()
    const store: ReplayStore = {
      increment(name, seconds) {
        const found = counts.get(name)
        const kept = found && found.until > now ? found : { count: 0, until: now + seconds * unit }
        counts.set(name, { ...kept, count: kept.count + 1 })
        return kept.count + 1
      },
    }
    const cases = replayStoreAcceptance(async () => store, { passTime: (milliseconds) => void (now += milliseconds) })
    expect(cases).toHaveLength(replayStoreAcceptance(async () => store).length + 1)
    const outcomes = await Promise.allSettled(cases.map(({ run }) => run()))
    expect(outcomes.at(-1)?.status).toBe(expected)
  })
})

function readsBeforeItWrites(): ReplayStore {
  const counts = new Map<string, number>()
  return {
    async increment(name) {
      const count = (counts.get(name) ?? 0) + 1
      await Promise.resolve()
      counts.set(name, count)
      return count
    },
  }
}
