import { describe, expect, test } from 'vitest'
import { ALICE, APP, NOW, TOKEN_HEADER, forge, tokenClaims } from '../tokens/forge.testing.ts'
import { backendHeaders } from './sources/backend.ts'
import { createSessionResolver } from './resolver.ts'
import { type Outcome, createOutcomeCounter } from './outcomes.ts'

const SECRET = 'a-secret-of-32-characters-or-more'
const TOKEN = forge({ header: TOKEN_HEADER, claims: tokenClaims() })

test('each request has one outcome, with its reason for the operator and nothing of the request', async () => {
  const outcomes: Outcome[] = []
  const { count, counts } = createOutcomeCounter()
  const resolver = createSessionResolver({
    clock: () => NOW * 1000,
    localFirst: { audience: APP, afterUpgrade: 'allow' },
    backend: { secret: SECRET },
    cookieSession: { read: async () => ({ principal: 'ada' }), origins: ['https://notes.example'] },
    onOutcome(outcome) {
      outcomes.push(outcome)
      count(outcome)
    },
  })
  const requests = [
    {},
    { authorization: `Bearer ${TOKEN}` },
    { authorization: `Bearer ${TOKEN}` },
    { authorization: 'Bearer x' },
    { authorization: `Bearer ${forge({ header: { alg: 'EdDSA' }, claims: { iss: 'https://evil.example' } })}` },
    { authorization: `Bearer ${forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), exp: NOW } })}` },
    {
      authorization: `Bearer ${forge({ header: TOKEN_HEADER, claims: { ...tokenClaims(), iat: NOW - 60, exp: NOW - 1 } })}`,
    },
    backendHeaders(SECRET, { principal: 'ada' }),
    { ...backendHeaders(SECRET, { principal: 'ada' }), origin: 'https://notes.example' },
    { cookie: 'a=b', origin: 'https://notes.example' },
    { cookie: 'a=b' },
  ]
  for (const request of requests) await resolver.resolve(request)
  expect(outcomes).toEqual([
    { ok: true, source: 'none', authMode: 'anonymous' },
    { ok: true, source: 'local-first', authMode: 'local-first' },
    { ok: true, source: 'local-first', authMode: 'local-first' },
    { ok: false, source: 'bearer', reason: 'TOKEN_MALFORMED' },
    { ok: false, source: 'bearer', reason: 'ISSUER_UNKNOWN' },
    { ok: false, source: 'local-first', reason: 'TOKEN_LIFETIME_EXCEEDED' },
    { ok: false, source: 'local-first', reason: 'TOKEN_EXPIRED' },
    { ok: true, source: 'backend', authMode: 'external' },
    { ok: false, source: 'backend', reason: 'BACKEND_FROM_BROWSER' },
    { ok: true, source: 'cookie', authMode: 'external' },
    { ok: false, source: 'cookie', reason: 'COOKIE_ORIGIN_REFUSED' },
  ])
  expect(JSON.stringify(outcomes)).not.toContain(ALICE.principal)
  expect(counts()).toEqual({
    accepted: { none: 1, 'local-first': 2, backend: 1, cookie: 1 },
    refused: {
      TOKEN_MALFORMED: 1,
      ISSUER_UNKNOWN: 1,
      TOKEN_LIFETIME_EXCEEDED: 1,
      TOKEN_EXPIRED: 1,
      BACKEND_FROM_BROWSER: 1,
      COOKIE_ORIGIN_REFUSED: 1,
    },
  })
})

describe('counts', () => {
  test('are a copy', () => {
    const { count, counts } = createOutcomeCounter()
    const before = counts()
    count({ ok: false, source: 'bearer', reason: 'TOKEN_EXPIRED' })
    expect(before).toEqual({ accepted: {}, refused: {} })
    expect(counts().refused).toEqual({ TOKEN_EXPIRED: 1 })
  })

  test('leave out a fault of the server', async () => {
    const { count, counts } = createOutcomeCounter()
    const lookup = (): Promise<'active'> => Promise.reject(new Error('database is down'))
    const resolver = createSessionResolver({
      clock: () => NOW * 1000,
      localFirst: { audience: APP, lookup },
      onOutcome: count,
    })
    await expect(resolver.resolve({ authorization: `Bearer ${TOKEN}` })).rejects.toThrow('database is down')
    expect(counts()).toEqual({ accepted: {}, refused: {} })
  })
})
