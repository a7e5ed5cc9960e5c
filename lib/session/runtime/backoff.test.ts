import { fc } from '../../seeded.testing.ts'
import { expect, test, vi } from 'vitest'
import { backoff } from './backoff.ts'

test('waits a second at first, twice as long each time, at most five minutes', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1)
  expect([0, 1, 2, 3, 8, 9, 10_000].map(backoff)).toEqual([1000, 2000, 4000, 8000, 256_000, 300_000, 300_000])
  vi.restoreAllMocks()
})

test('spreads the clients of one server over half of each wait', () => {
  fc.assert(
    fc.property(fc.nat(2000), (attempt) => {
      const longest = Math.min(1000 * 2 ** attempt, 300_000)
      const wait = backoff(attempt)
      expect(wait).toBeGreaterThanOrEqual(longest / 2)
      expect(wait).toBeLessThanOrEqual(longest)
    }),
  )
})
