import { expect, test } from 'vitest'
import { createStatusCache, statusCacheOf } from './status-cache.ts'
import type { KeyStatus } from './status.ts'

function looks(...answers: KeyStatus[]) {
  const asked = { times: 0 }
  return { asked, look: async () => answers[asked.times++] ?? answers.at(-1)! }
}

test('an answer counts for five seconds', async () => {
  let now = 1000
  const cache = createStatusCache(() => now)
  const { asked, look } = looks('active', 'disabled')
  expect(await cache.get('a', look)).toBe('active')
  now += 4999
  expect(await cache.get('a', look)).toBe('active')
  expect(asked.times).toBe(1)
  now += 1
  expect(await cache.get('a', look)).toBe('disabled')
})

test('a clock that is set back does not make it count longer', async () => {
  let now = 1_000_000
  const cache = createStatusCache(() => now)
  const { look } = looks('active', 'disabled')
  await cache.get('a', look)
  now -= 3_600_000
  expect(await cache.get('a', look)).toBe('disabled')
})

test('it keeps a limited number of answers, and drops the oldest', async () => {
  const cache = createStatusCache(() => 0, 2)
  const { asked, look } = looks('active')
  for (const key of ['a', 'b', 'c']) await cache.get(key, look)
  await cache.get('b', look)
  await cache.get('c', look)
  expect(asked.times).toBe(3)
  await cache.get('a', look)
  expect(asked.times).toBe(4)
})

test('what was read before a change does not outlive it', async () => {
  const cache = createStatusCache(() => 0)
  let answer: ((status: KeyStatus) => void) | undefined
  const first = cache.get('a', () => new Promise((resolve) => (answer = resolve)))
  cache.clear()
  answer!('active')
  expect(await first).toBe('active')
  expect(await cache.get('a', async () => 'disabled')).toBe('disabled')
})

test('a failure is not cached', async () => {
  const cache = createStatusCache(() => 0)
  await expect(cache.get('a', () => Promise.reject(new Error('no database')))).rejects.toThrow('no database')
  expect(await cache.get('a', async () => 'active')).toBe('active')
})

test('plugin and resolver of one server share one cache', () => {
  const adapter = {}
  expect(statusCacheOf(adapter)).toBe(statusCacheOf(adapter))
  expect(statusCacheOf({})).not.toBe(statusCacheOf(adapter))
})
