import { describe, expect, test } from 'vitest'
import { createFreshness } from './freshness.ts'

const NOW = 1_800_000_000
const DAY_S = 86_400

function codeOf(claims: Readonly<Record<string, unknown>>, freshAge?: number): string {
  const check = createFreshness({ freshAge }, () => NOW * 1000)
  try {
    check({ issuer: 'https://id.example', subject: 'ada', expiresAt: NOW + 60, claims })
    return 'fresh'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('the age of a sign-in', () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['just under a day', { auth_time: NOW - DAY_S + 1 }, 'fresh'],
    ['a day', { auth_time: NOW - DAY_S }, 'SESSION_NOT_FRESH'],
    ['that is not told', {}, 'fresh'],
    ['of Clerk', { iat: NOW, fva: [0, -1] }, 'fresh'],
    ['of Clerk, a day', { iat: NOW, fva: [1440, -1] }, 'SESSION_NOT_FRESH'],
    ['of Clerk, whose first factor was never verified', { iat: NOW, fva: [-1, -1] }, 'SESSION_NOT_FRESH'],
    ['of Clerk, whose first factor was never verified, without `iat`', { fva: [-1, 0] }, 'SESSION_NOT_FRESH'],
  ])('%s', (_, claims, expected) => {
    expect(codeOf(claims)).toBe(expected)
    expect(codeOf(claims, 0)).toBe('fresh')
  })
})
