import { expect, test } from 'vitest'
import { createChallenges } from './challenges.ts'
import { hmacKey } from './hmac-key.ts'

const SECRET = 'a secret of at least thirty-two characters'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

test('a nonce holds in one spelling: the others would be as many further uses', async () => {
  const { issue, check } = createChallenges(SECRET, () => 0)
  const { nonce } = await issue('unlink', 'session')
  expect(await check(nonce, 'unlink', 'session')).toEqual(new Date(120_000))
  const last = ALPHABET.indexOf(nonce.at(-1)!)
  // The last character of 32 bytes has two bits that say nothing.
  const spellings = [1, 2, 3].map((bits) => nonce.slice(0, -1) + ALPHABET[last + bits])
  for (const spelling of spellings) expect(await check(spelling, 'unlink', 'session')).toBeNull()
})

test('a nonce is valid for two minutes, and not a millisecond longer', async () => {
  let now = 0
  const { issue, check } = createChallenges(SECRET, () => now)
  const { nonce, expiresAt } = await issue('unlink', 'session')
  expect(expiresAt).toBe(120_000)
  now = 119_999
  expect(await check(nonce, 'unlink', 'session')).toEqual(new Date(120_000))
  now = 120_000
  expect(await check(nonce, 'unlink', 'session')).toBeNull()
})

test('a nonce is valid for a clock that counts fractions of milliseconds', async () => {
  const { issue, check } = createChallenges(SECRET, () => 1000.75)
  const { nonce, expiresAt } = await issue('unlink', 'session')
  expect(expiresAt).toBe(121_000)
  expect(await check(nonce, 'unlink', 'session')).toEqual(new Date(121_000))
})

test('the key that signs nonces cannot be exported', async () => {
  expect(await hmacKey('challenge', SECRET)).toMatchObject({ extractable: false, usages: ['sign', 'verify'] })
})
