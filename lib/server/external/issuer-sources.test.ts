import { exportSPKI } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { NOW } from '../../tokens/forge.testing.ts'
import { AUDIENCE, SUBJECT, type TestIssuer, closedPort, startIssuer } from './issuer.testing.ts'
import { eachSource } from './issuer-sources.ts'
import type { ExternalIssuer } from './options.ts'
import { workos } from './presets.ts'
import { createSessionResolver } from '../resolver.ts'
import type { SessionResolver } from '../types.ts'

const OTHER = 'https://preview.example'

let old: TestIssuer
let next: TestIssuer

beforeAll(async () => {
  old = await startIssuer()
  next = await startIssuer()
})
afterEach(() => {
  old.answerWith()
  next.answerWith()
})
afterAll(() => Promise.all([old.close(), next.close()]))

const resolverOf = (options: Partial<ExternalIssuer>): SessionResolver =>
  createSessionResolver({ clock: () => NOW * 1000, external: { issuer: old.issuer, audience: AUDIENCE, ...options } })

const both = (options: Partial<ExternalIssuer> = {}): SessionResolver =>
  resolverOf({ sources: [{ jwksUrl: old.jwksUrl }, { jwksUrl: next.jwksUrl }], ...options })

/** As the same issuer, whichever key signs. */
const sign = (by: TestIssuer, ...[claims, header]: Parameters<TestIssuer['sign']>): Promise<string> =>
  by.sign({ iss: old.issuer, ...claims }, header)

async function outcomeOf(resolver: SessionResolver, token: string | Promise<string>): Promise<string> {
  const found = await resolver.resolve({ authorization: `Bearer ${await token}` })
  return found.ok ? found.session.principal! : found.reason
}

test('a source replaces the options of its issuer that it has, and no others', () => {
  const fetch = async (): Promise<Response> => new Response()
  const shared = { issuer: 'https://issuer.example', audience: AUDIENCE, algorithms: ['RS256'], timeout: 1000, fetch }
  const own = { audience: OTHER, algorithms: ['ES256'], timeout: 50, fetch: async () => new Response('{}') }
  const keys = [{ jwksUrl: 'https://a.example' }, { certificatesUrl: 'https://b.example' }, { publicKey: 'key' }]
  expect(eachSource({ ...shared, sources: keys })).toEqual(keys.map((key) => ({ ...shared, ...key })))
  expect(eachSource({ ...shared, sources: keys.map((key) => ({ ...key, ...own })) })).toEqual(
    keys.map((key) => ({ ...shared, ...own, ...key })),
  )
})

describe('an issuer with several key sources', () => {
  test('takes no token of another issuer', async () => {
    const sources = [{ jwksUrl: old.jwksUrl }, { jwksUrl: next.jwksUrl }]
    const resolver = createSessionResolver({
      clock: () => NOW * 1000,
      external: [
        { issuer: 'https://issuer.example', audience: AUDIENCE, sources, principal: 'namespaced' },
        { issuer: old.issuer, audience: AUDIENCE, jwksUrl: old.jwksUrl },
      ],
    })
    const token = await sign(old)
    for (const _ of [1, 2]) expect(await outcomeOf(resolver, token)).toBe(SUBJECT)
  })

  test('is believed by the keys of each, again and again', async () => {
    const resolver = both()
    for (const by of [old, next, old, next]) expect(await outcomeOf(resolver, sign(by))).toBe(SUBJECT)
  })

  test('a static key beside an address: a move from one to the other', async () => {
    const publicKey = await exportSPKI(old.keys.ES256.publicKey)
    const resolver = resolverOf({ sources: [{ publicKey }, { jwksUrl: next.jwksUrl }] })
    for (const token of [sign(old, {}, { alg: 'ES256' }), sign(next), sign(next, {}, { alg: 'ES256' })])
      expect(await outcomeOf(resolver, token)).toBe(SUBJECT)
    // The old address is none of the sources.
    expect(await outcomeOf(resolver, sign(old))).toBe('TOKEN_SIGNATURE_INVALID')
  })

  test('a token has to satisfy one source in full: no key of one with an audience or algorithm of the other', async () => {
    const resolver = resolverOf({
      audience: AUDIENCE,
      sources: [
        { jwksUrl: old.jwksUrl, algorithms: ['RS256'] },
        { jwksUrl: next.jwksUrl, audience: OTHER, algorithms: ['ES256'] },
      ],
    })
    expect(await outcomeOf(resolver, sign(old))).toBe(SUBJECT)
    expect(await outcomeOf(resolver, sign(next, { aud: OTHER }, { alg: 'ES256' }))).toBe(SUBJECT)
    expect(await outcomeOf(resolver, sign(old, { aud: OTHER }))).toBe('TOKEN_AUDIENCE_MISMATCH')
    expect(await outcomeOf(resolver, sign(next, {}, { alg: 'ES256' }))).toBe('TOKEN_AUDIENCE_MISMATCH')
    expect(await outcomeOf(resolver, sign(old, {}, { alg: 'ES256' }))).not.toBe(SUBJECT)
    expect(await outcomeOf(resolver, sign(next, { aud: OTHER }))).not.toBe(SUBJECT)
    // Nor after the cache knows valid tokens of both.
    expect(await outcomeOf(resolver, sign(old, { aud: OTHER }))).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test('the rules of the issuer apply to all: expiry, claims, accounts', async () => {
    const resolver = both({ requiredClaims: ['sid'], isAccount: ({ role }) => role !== 'guest' })
    for (const by of [old, next]) {
      expect(await outcomeOf(resolver, sign(by, { sid: 's' }))).toBe(SUBJECT)
      expect(await outcomeOf(resolver, sign(by))).toBe('TOKEN_CLAIM_INVALID')
      expect(await outcomeOf(resolver, sign(by, { sid: 's', role: 'guest' }))).toBe('TOKEN_NOT_AN_ACCOUNT')
      expect(await outcomeOf(resolver, sign(by, { sid: 's', exp: NOW }))).toBe('TOKEN_EXPIRED')
    }
  })

  test('a token with an unknown key is refused; while a source cannot be asked, that is unknown', async () => {
    const stranger = await startIssuer()
    const forged = sign(stranger)
    await stranger.close()
    expect(await outcomeOf(both(), forged)).toBe('TOKEN_SIGNATURE_INVALID')
    const half = resolverOf({ sources: [{ jwksUrl: `${await closedPort()}/jwks` }, { jwksUrl: next.jwksUrl }] })
    expect(await outcomeOf(half, forged)).toBe('KEYS_UNAVAILABLE')
    expect(await outcomeOf(half, sign(next))).toBe(SUBJECT)
    expect(await outcomeOf(half, sign(next, { exp: NOW }))).toBe('TOKEN_EXPIRED')
  })

  test('the one that verified last is asked first: one that does not answer delays no new token', async () => {
    let now = NOW * 1000
    let asked = 0
    const dead = async (): Promise<never> => {
      asked++
      throw new Error('no connection')
    }
    const sources = [{ jwksUrl: 'https://dead.example/jwks', fetch: dead }, { jwksUrl: next.jwksUrl }]
    const external = { issuer: old.issuer, audience: AUDIENCE, sources }
    const resolver = createSessionResolver({ clock: () => now, external })
    for (const jti of ['one', 'two', 'three']) {
      expect(await outcomeOf(resolver, sign(next, { jti }))).toBe(SUBJECT)
      expect(asked).toBe(1)
      // After this time it would be asked again.
      now += 1000
    }
    // What it may have signed is not judged without it.
    expect(await outcomeOf(resolver, sign(old))).toBe('KEYS_UNAVAILABLE')
    expect(asked).toBe(2)
  })

  test('a preset takes them in place of its address', async () => {
    const issuer = old.issuer
    const external = workos({ clientId: 'c', issuer, sources: [{ jwksUrl: old.jwksUrl }, { jwksUrl: next.jwksUrl }] })
    const resolver = createSessionResolver({ clock: () => NOW * 1000, external })
    for (const by of [old, next]) expect(await outcomeOf(resolver, sign(by, { sid: 's' }))).toBe(SUBJECT)
    expect(await outcomeOf(resolver, sign(next, { sid: 's' }, { alg: 'ES256' }))).toBe('TOKEN_ALGORITHM_FORBIDDEN')
  })

  test.each<[string, Partial<ExternalIssuer>]>([
    ['none', { sources: [] }],
    ['too many', { sources: Array.from({ length: 9 }, (_, index) => ({ jwksUrl: `https://id.example/${index}` })) }],
    ['a key beside them', { jwksUrl: 'https://id.example/jwks', sources: [{ jwksUrl: 'https://id.example/jwks' }] }],
    ['a source without a key', { sources: [{ audience: AUDIENCE }] }],
    [
      'a source with two',
      { sources: [{ jwksUrl: 'https://id.example/jwks', certificatesUrl: 'https://id.example/x' }] },
    ],
  ])('%s are refused at construction', (_, options) => {
    expect(() => resolverOf(options)).toThrow(TypeError)
  })
})
