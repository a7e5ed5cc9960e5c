import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { type JWK, exportJWK, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ManualClock, manualClock } from '../../testing/clock.ts'
import { NOW } from '../../tokens/forge.testing.ts'
import type { ExternalIssuer } from './options.ts'
import { AUDIENCE, type TestIssuer, startIssuer } from './issuer.testing.ts'
import { readCertificates, readJwks } from './key-source.ts'
import { leave, neverAnswered } from '../leaving.testing.ts'
import { createSessionResolver } from '../resolver.ts'
import type { SessionResolver } from '../types.ts'

let provider: TestIssuer
let clock: ManualClock
let resolver: SessionResolver

beforeAll(async () => {
  provider = await startIssuer()
})

afterAll(() => provider.close())

beforeEach(() => {
  clock = manualClock(NOW * 1000)
  resolver = resolverOf()
})

afterEach(() => {
  provider.answerWith()
  vi.useRealTimers()
})

function resolverOf(options: Partial<ExternalIssuer> = {}): SessionResolver {
  const { issuer, jwksUrl } = provider
  return createSessionResolver({ clock: clock.now, external: { issuer, jwksUrl, audience: AUDIENCE, ...options } })
}

/** A token that lasts for days: these tests are about the keys. */
async function reasonOf(header: Parameters<TestIssuer['sign']>[1] = {}, key?: CryptoKey): Promise<string> {
  const token = await provider.sign({ exp: NOW + 864_000 }, header, key)
  const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
  return resolution.ok ? 'accepted' : resolution.reason
}

/** How many requests for keys a call makes. */
async function requestsOf(call: () => Promise<unknown>): Promise<number> {
  const before = provider.requests()
  await call()
  return provider.requests() - before
}

const answer =
  (keys: readonly unknown[]): RequestListener =>
  (_, response) =>
    void response.end(JSON.stringify({ keys }))
const fail: RequestListener = (_, response) => void response.writeHead(503).end()

describe('the rotation of keys', () => {
  test('a key that is not among those at hand makes for one fetch in 30 seconds', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    expect(await reasonOf()).toBe('accepted')
    provider.answerWith(answer([...provider.jwks, { ...(await exportJWK(publicKey)), kid: 'new' }]))
    expect(
      await requestsOf(async () => expect(await reasonOf({ kid: 'new' }, privateKey)).toBe('TOKEN_KEY_UNKNOWN')),
    ).toBe(0)
    clock.advance(30_000)
    expect(await requestsOf(async () => expect(await reasonOf({ kid: 'new' }, privateKey)).toBe('accepted'))).toBe(1)
    expect(await reasonOf()).toBe('accepted')
  })

  test('any number of unknown keys makes for no more', async () => {
    await reasonOf()
    clock.advance(30_000)
    expect(
      await requestsOf(() => Promise.all(Array.from({ length: 50 }, (_, run) => reasonOf({ kid: `stray-${run}` })))),
    ).toBe(1)
    clock.advance(29_999)
    expect(await requestsOf(async () => expect(await reasonOf({ kid: 'stray' })).toBe('TOKEN_KEY_UNKNOWN'))).toBe(0)
  })

  test('many first tokens share one fetch', async () => {
    const authorization = `Bearer ${await provider.sign()}`
    const before = provider.requests()
    const all = await Promise.all(Array.from({ length: 20 }, () => resolver.resolve({ authorization })))
    expect(all.every(({ ok }) => ok)).toBe(true)
    expect(provider.requests()).toBe(before + 1)
  })

  test('keys are got again after ten minutes, and one that is gone does not count any more', async () => {
    await reasonOf()
    provider.answerWith(answer(provider.jwks.filter(({ kid }) => kid !== 'RS256')))
    clock.advance(599_999)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(0)
    clock.advance(1)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('TOKEN_KEY_UNKNOWN'))).toBe(1)
    expect(await reasonOf({ alg: 'ES256' })).toBe('accepted')
  })

  test('an empty set is an answer: no key counts', async () => {
    await reasonOf()
    provider.answerWith(answer([]))
    clock.advance(600_000)
    expect(await reasonOf()).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('a clock that was put back gets the keys again', async () => {
    await reasonOf()
    clock.advance(-3_600_000)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(1)
  })
})

describe('while the issuer does not answer', () => {
  test('the keys that were got last count for a day, and it is asked every 30 seconds', async () => {
    await reasonOf()
    provider.answerWith(fail)
    clock.advance(600_000)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(1)
    clock.advance(29_999)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(0)
    clock.advance(1)
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(1)
    clock.advance(86_400_000 - 630_000 - 1)
    expect(await reasonOf()).toBe('accepted')
    clock.advance(1)
    expect(await reasonOf()).toBe('KEYS_UNAVAILABLE')
    provider.answerWith()
    clock.advance(1000)
    expect(await reasonOf()).toBe('accepted')
  })

  test('it is unknown whether an unknown key is new: that is no verdict', async () => {
    await reasonOf()
    provider.answerWith(fail)
    clock.advance(30_000)
    expect(await reasonOf({ kid: 'stray' })).toBe('KEYS_UNAVAILABLE')
    expect(await requestsOf(async () => expect(await reasonOf({ kid: 'stray' })).toBe('KEYS_UNAVAILABLE'))).toBe(0)
    expect(await reasonOf()).toBe('accepted')
  })

  test('others do not wait for a fetch that hangs', async () => {
    await reasonOf()
    let asked: () => void
    const isAsked = new Promise<void>((resolve) => (asked = resolve))
    provider.answerWith(() => asked())
    clock.advance(600_000)
    const first = reasonOf()
    await isAsked
    expect(await reasonOf()).toBe('accepted')
    provider.closeConnections()
    expect(await first).toBe('accepted')
  })
})

describe('a fetch that died with its request, as in Workers', () => {
  let fetchKeys: typeof fetch

  beforeEach(() => {
    fetchKeys = fetch
    resolver = resolverOf({ fetch: (url, init) => fetchKeys(url, init) })
  })
  afterEach(() => void vi.restoreAllMocks())

  /** Makes a request whose client leaves while the keys are fetched. */
  async function leaveWhileFetching(): Promise<void> {
    const { isAsked, asked } = neverAnswered()
    fetchKeys = asked
    await leave(reasonOf, isAsked)
    fetchKeys = fetch
  }

  test('holds up no other request', async () => {
    await leaveWhileFetching()
    expect(await reasonOf()).toBe('KEYS_UNAVAILABLE')
    vi.restoreAllMocks()
    clock.advance(1000)
    expect(await reasonOf()).toBe('accepted')
  })

  test('leaves the keys that are at hand in use, and an unknown key without a verdict', async () => {
    await reasonOf()
    clock.advance(600_000)
    await leaveWhileFetching()
    expect(await reasonOf({ kid: 'stray' })).toBe('KEYS_UNAVAILABLE')
    vi.restoreAllMocks()
    clock.advance(30_000)
    await leaveWhileFetching()
    clock.advance(30_000)
    expect(await reasonOf()).toBe('accepted')
    vi.restoreAllMocks()
    expect(await requestsOf(async () => expect(await reasonOf()).toBe('accepted'))).toBe(1)
  })
})

describe('an answer is refused, and its connection closed', () => {
  const big = 'x'.repeat(300_000)

  test.each<[string, RequestListener]>([
    ['that is over 256 KiB', (_, response) => void response.end(JSON.stringify({ keys: [{ kty: 'RSA', pad: big }] }))],
    [
      'that is over 256 KiB, in pieces, although the keys are in it',
      (_, response) => {
        response.write(`{"pad":"${big}",`)
        response.end(JSON.stringify({ keys: provider.jwks }).slice(1))
      },
    ],
    ['that says so', (_, response) => void response.writeHead(200, { 'content-length': 10_000_000 }).write('{')],
    [
      'that never ends',
      (_, response) => {
        const more = (): void => void (response.destroyed || response.write(big, () => setImmediate(more)))
        more()
      },
    ],
  ])('%s', async (_, listener) => {
    const closed = new Promise<void>((resolve) =>
      provider.answerWith((request, response) => {
        response.on('close', resolve)
        listener(request, response)
      }),
    )
    expect(await reasonOf()).toBe('KEYS_UNAVAILABLE')
    await closed
  })

  /** Returns the result of a fetch whose 50 milliseconds are over as soon as something has happened. */
  async function reasonAfter(happened: Promise<void>): Promise<string> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const reason = reasonOf()
    await happened
    await vi.advanceTimersByTimeAsync(50)
    return reason
  }

  test('that does not come in time', async () => {
    resolver = resolverOf({ timeout: 50 })
    const { isAsked, asked } = neverAnswered()
    const closed = new Promise<void>((resolve) =>
      provider.answerWith((_, response) => {
        response.on('close', resolve)
        void asked()
      }),
    )
    expect(await reasonAfter(isAsked)).toBe('KEYS_UNAVAILABLE')
    await closed
  })

  test('whose end does not come in time', async () => {
    let begin = (): void => {}
    const hasBegun = new Promise<void>((resolve) => (begin = resolve))
    resolver = resolverOf({ timeout: 50, fetch: (url, init) => fetch(url, init).finally(begin) })
    const closed = new Promise<void>((resolve) =>
      provider.answerWith((_, response) => {
        response.on('close', resolve)
        response.write('{"keys":')
      }),
    )
    expect(await reasonAfter(hasBegun)).toBe('KEYS_UNAVAILABLE')
    await closed
  })

  test('that does not come within five seconds, also where a fetch of its own ignores the signal', async () => {
    let seen: (signal: AbortSignal) => void
    const asking = new Promise<AbortSignal>((resolve) => (seen = resolve))
    resolver = resolverOf({
      fetch: (_, init) => {
        seen(init.signal)
        return new Promise(() => {})
      },
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let reason: string | undefined
    const asked = reasonOf().then((found) => (reason = found))
    const signal = await asking
    await vi.advanceTimersByTimeAsync(4999)
    expect(reason).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(await asked).toBe('KEYS_UNAVAILABLE')
    expect(signal.aborted).toBe(true)
  })

  test.each([301, 302, 303, 307, 308])('that leads elsewhere (%i): nothing there is asked for', async (status) => {
    const evil = await startIssuer()
    provider.answerWith((_, response) => void response.writeHead(status, { location: evil.jwksUrl }).end())
    expect(await reasonOf({}, evil.keys.RS256.privateKey)).toBe('KEYS_UNAVAILABLE')
    expect(evil.requests()).toBe(0)
    await evil.close()
  })

  test('that a fetch of its own was led to', async () => {
    resolver = resolverOf({
      fetch: async () => Object.defineProperty(Response.json({ keys: provider.jwks }), 'redirected', { value: true }),
    })
    expect(await reasonOf()).toBe('KEYS_UNAVAILABLE')
  })

  test.each<[string, unknown]>([
    ['a text', '"keys"'],
    ['null', 'null'],
    ['keys that are no list', '{"keys":{}}'],
    ['more than a hundred keys', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) })],
    ['half of JSON', '{"keys":['],
    ['what is no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ])('that is %s', async (_, body) => {
    provider.answerWith((_request, response) => void response.end(body))
    expect(await reasonOf()).toBe('KEYS_UNAVAILABLE')
  })
})

describe('keys of the set', () => {
  const keyOf = (kid: string): JWK => provider.jwks.find((jwk) => jwk.kid === kid)!

  test('need no `alg` and no `use`', async () => {
    const { use: _, ...bare } = keyOf('RS256')
    provider.answerWith(answer([bare]))
    expect(await reasonOf()).toBe('accepted')
  })

  test('count by their `alg` where they have one', async () => {
    provider.answerWith(answer([{ ...keyOf('RS256'), alg: 'PS256' }]))
    expect(await reasonOf()).toBe('TOKEN_KEY_UNKNOWN')
  })

  test.each<[string, object]>([
    ['for encryption', { use: 'enc' }],
    ['with private members', { d: 'AA' }],
    ['with a shared secret beside', { k: 'AA' }],
  ])('%s do not count', async (_, members) => {
    provider.answerWith(answer([{ ...keyOf('RS256'), ...members }]))
    expect(await reasonOf()).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('that are the private ones in full do not count', async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    provider.answerWith(answer([{ ...(await exportJWK(privateKey)), kid: 'RS256' }]))
    expect(await reasonOf({}, privateKey)).toBe('TOKEN_KEY_UNKNOWN')
  })

  test.each([null, 7, 'key', [], {}, { kty: 7 }, { kty: 'oct', k: 'AA', kid: 'RS256' }, { kty: 'XXX', kid: 'RS256' }])(
    'that are none, such as %j, are passed over',
    async (stray) => {
      provider.answerWith(answer([stray, ...provider.jwks]))
      expect(await reasonOf()).toBe('accepted')
    },
  )

  test.each<[string, 'RS256' | 'ES256' | 'EdDSA', object]>([
    ['of 1024 bits', 'RS256', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })],
    ['without a modulus', 'RS256', { n: undefined }],
    ['with a modulus of another type', 'RS256', { n: 7 }],
    ['with an empty modulus', 'RS256', { n: '' }],
    ['whose point is not on the curve', 'ES256', { y: 'A'.repeat(43) }],
    ['on another curve', 'ES256', { crv: 'P-384' }],
    ['that is too short', 'EdDSA', { x: 'AAAA' }],
    ['whose operations are none', 'EdDSA', { key_ops: 'verify' }],
  ])('%s verify nothing, whatever the reason, and harm no other key', async (_, alg, members) => {
    provider.answerWith(answer(provider.jwks.map((jwk) => (jwk.kid === alg ? { ...jwk, ...members } : jwk))))
    expect(['KEYS_UNAVAILABLE', 'TOKEN_KEY_UNKNOWN', 'TOKEN_SIGNATURE_INVALID']).toContain(await reasonOf({ alg }))
    for (const other of (['RS256', 'ES256', 'EdDSA'] as const).filter((name) => name !== alg))
      expect(await reasonOf({ alg: other })).toBe('accepted')
  })

  test('with one `kid` are tried each', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    provider.answerWith(answer([{ ...(await exportJWK(publicKey)), kid: 'RS256' }, ...provider.jwks]))
    expect(await reasonOf()).toBe('accepted')
    expect(await reasonOf({}, privateKey)).toBe('accepted')
    expect(await reasonOf({ kid: undefined }, privateKey)).toBe('accepted')
    expect(await reasonOf({}, (await generateKeyPair('RS256')).privateKey)).toBe('TOKEN_SIGNATURE_INVALID')
  })
})

describe('a set of a hundred keys', () => {
  const crowd = async (kid?: (index: number) => string) => {
    const pairs = await Promise.all(Array.from({ length: 100 }, () => generateKeyPair('EdDSA')))
    const keys = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)))
    provider.answerWith(answer(keys.map((jwk, index) => ({ ...jwk, ...(kid && { kid: kid(index) }) }))))
    return pairs
  }

  test.each<[string, ((index: number) => string) | undefined]>([
    ['without `kid`', undefined],
    ['with a `kid` each, and a token without', (index) => `key-${index}`],
    ['with one `kid`', () => 'EdDSA'],
  ])('%s costs no more than eight verifications', async (_, kid) => {
    const pairs = await crowd(kid)
    const header = { alg: 'EdDSA', kid: kid?.(0) === 'EdDSA' ? 'EdDSA' : undefined } as const
    const verify = vi.spyOn(crypto.subtle, 'verify')
    expect(await reasonOf(header)).toBe('TOKEN_KEY_UNKNOWN')
    const ofIssuer = verify.mock.calls.filter(([, , , signed]) => provider.hasSigned(signed))
    verify.mockRestore()
    expect(ofIssuer.length).toBeGreaterThan(0)
    expect(ofIssuer.length).toBeLessThanOrEqual(8)
    expect(await reasonOf(header, pairs[7]!.privateKey)).toBe('accepted')
    expect(await reasonOf(header, pairs[8]!.privateKey)).toBe('TOKEN_KEY_UNKNOWN')
  })

  test('with a `kid` each has every one of them', async () => {
    const pairs = await crowd((index) => `key-${index}`)
    expect(await reasonOf({ alg: 'EdDSA', kid: 'key-99' }, pairs[99]!.privateKey)).toBe('accepted')
  })
})

describe('documents', () => {
  test('are read or refused', () => {
    expect(readJwks({ keys: [] })).toEqual([])
    expect(() => readJwks(undefined)).toThrow()
    expect(readCertificates({})).toEqual([])
    for (const document of [null, [], 'x', { kid: 'x' }, { kid: { nested: 1 } }])
      expect(() => readCertificates(document)).toThrow()
  })
})
