import { describe, expect, test } from 'vitest'
import { TokenCache } from './token-cache.ts'

const END = `.${'s'.repeat(86)}`

function cacheOf(most = 10): TokenCache<string> {
  return new TokenCache<string>(most)
}

describe('a cached token', () => {
  test('is found by its exact text alone', () => {
    const cache = cacheOf()
    cache.set(`header.claims${END}`, 'found')
    expect(cache.get(`header.claims${END}`)).toBe('found')
    for (const other of [
      `header.claimz${END}`,
      `claims${END}`,
      ` header.claims${END}`,
      `header.claims${END} `,
      END,
      '',
    ])
      expect(cache.get(other)).toBeUndefined()
  })

  test('with the end of another takes its place', () => {
    const cache = cacheOf()
    cache.set(`a${END}`, 'first')
    cache.set(`b${END}`, 'second')
    expect([cache.get(`a${END}`), cache.get(`b${END}`)]).toEqual([undefined, 'second'])
  })

  test('that is shorter than what is looked up is found as well', () => {
    const cache = cacheOf()
    cache.set('short', 'found')
    expect([cache.get('short'), cache.get('hort')]).toEqual(['found', undefined])
  })

  test('is forgotten when it is deleted, or when more than the limit came after it', () => {
    const cache = cacheOf(2)
    for (const token of ['a', 'b', 'c']) cache.set(token, token)
    expect(['a', 'b', 'c'].map((token) => cache.get(token))).toEqual([undefined, 'b', 'c'])
    cache.delete('b')
    expect(cache.get('b')).toBeUndefined()
  })

  test('is none with a limit of 0', () => {
    const cache = cacheOf(0)
    cache.set('a', 'a')
    expect(cache.get('a')).toBeUndefined()
  })
})
