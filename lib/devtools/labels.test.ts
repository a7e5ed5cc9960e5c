import { expect, test } from 'vitest'
import { durationLabel, spanLabel, tokenLabel } from './labels.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

test.each([
  [0, '0 s'],
  [59 * SECOND_MS + 999, '59 s'],
  [MINUTE_MS, '1 min 0 s'],
  [14 * MINUTE_MS + 32 * SECOND_MS, '14 min 32 s'],
  [HOUR_MS, '1 h 0 min'],
  [-(HOUR_MS + 5 * MINUTE_MS), '1 h 5 min'],
])('%i milliseconds are %s', (span, label) => {
  expect(spanLabel(span)).toBe(label)
})

test('a token is at hand, gone or not made yet', () => {
  expect(tokenLabel(null, 5000)).toEqual(['none', 'made with the next request'])
  expect(tokenLabel(65_000, 5000)).toEqual(['1 min 0 s', 'left'])
  expect(tokenLabel(5000, 5000)).toEqual(['expired', '0 s ago; the next request gets a new one'])
})

test.each([
  [0.4, '0 ms'],
  [999, '999 ms'],
  [1249, '1.2 s'],
  [61_000, '1 min 1 s'],
])('%d milliseconds took %s', (span, label) => {
  expect(durationLabel(span)).toBe(label)
})
