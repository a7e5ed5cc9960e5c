import { afterEach, expect, test, vi } from 'vitest'
import { backoff } from './backoff.ts'

afterEach(() => vi.restoreAllMocks())

test('waits a second at first, twice as long each time, at most five minutes', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1)
  expect([0, 1, 2, 3, 8, 9, 10_000].map(backoff)).toEqual([1000, 2000, 4000, 8000, 256_000, 300_000, 300_000])
})

test('spreads the clients of one server over the second half of each wait', () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  expect([0, 1, 9].map(backoff)).toEqual([500, 1000, 150_000])
  random.mockReturnValue(0.5)
  expect([0, 1, 9].map(backoff)).toEqual([750, 1500, 225_000])
})
