import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sweepIn } from './interval.ts'

const MINUTE = 60_000
let now: number
let sweep: ReturnType<typeof sweepIn>

beforeEach(() => {
  now = 1_000_000_000_000
  sweep = sweepIn(MINUTE, () => now)
})
afterEach(() => void vi.restoreAllMocks())

test('once in each interval, also after a clock was set back', async () => {
  const work = vi.fn(async () => {})
  const sweepsAfter = async (time: number): Promise<number> => {
    now += time
    await sweep(work)
    return work.mock.calls.length
  }
  expect(await sweepsAfter(0)).toBe(1)
  expect(await sweepsAfter(MINUTE - 1)).toBe(1)
  expect(await sweepsAfter(1)).toBe(2)
  expect(await sweepsAfter(-MINUTE)).toBe(3)
})

test('a sweep that fails is logged each time, and is no error of the request', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue()
  const failure = new Error('permission denied for table latchkey_used')
  for (const times of [1, 1, 2]) {
    await sweep(() => Promise.reject(failure))
    const logged = log.mock.calls.filter(([, error]) => error === failure)
    expect(logged).toEqual(Array(times).fill(['latchkey: expired rows could not be deleted', failure]))
    now += MINUTE / 2
  }
})
