import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../../lib/testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { memoryStorage, partyOf, randomText, withPairing } from '../testing/pairing.testing.ts'
import { HAS_REDIS, sharedRedis } from '../testing/redis.testing.ts'
import { post } from '../testing/requests.testing.ts'
import { ORIGIN, type TestServer, testServer } from '../testing/server.testing.ts'
import { latchkey } from '../plugin.ts'
import { RENDEZVOUS_HEADER } from './rendezvous.ts'

type NewServer = (clock?: () => number, total?: number) => Promise<TestServer>

function keepsOneSlot(newServer: NewServer): void {
  test('hands one message after the other to a client that knows the channel', async () => {
    const party = partyOf(await newServer(), randomText(32))
    expect(await party.read()).toMatchObject({ status: 404, code: 'RENDEZVOUS_ENDED' })
    expect(await party.write(0, '')).toMatchObject({ status: 200, seq: 0, data: '', isContested: false })
    expect(await party.write(1, 'first')).toMatchObject({ status: 200, seq: 1 })
    expect(await party.read()).toMatchObject({ seq: 1, data: 'first', isContested: false })
    expect(await party.write(2, 'second')).toMatchObject({ status: 200, seq: 2 })
    expect(await party.read()).toMatchObject({ seq: 2, data: 'second' })
    expect(await party.remove()).toMatchObject({ status: 200 })
    expect(await party.read()).toMatchObject({ status: 404 })
    expect(await party.write(3, 'third')).toMatchObject({ status: 404, code: 'RENDEZVOUS_ENDED' })
  })

  test('accepts each message once: a second one is refused and reported to both sides, a repeated one is neither', async () => {
    const server = await newServer()
    const party = partyOf(server, randomText(32))
    const tx = randomText(16)
    await party.write(0, '')
    expect(await party.write(1, 'first', tx)).toMatchObject({ status: 200 })
    expect(await party.write(1, 'first', tx)).toMatchObject({ status: 200, seq: 1, isContested: false })
    expect(await party.write(1, 'forged')).toMatchObject({ status: 409, code: 'RENDEZVOUS_CONTESTED' })
    expect(await party.read()).toMatchObject({ seq: 1, data: 'first', isContested: true })
    expect(await party.write(0, '')).toMatchObject({ status: 409 })
    expect(await party.write(3, 'early')).toMatchObject({ status: 409 })
  })

  test('accepts a message that is repeated after it was answered, and no other one in its place', async () => {
    const party = partyOf(await newServer(), randomText(32))
    const [first, second] = [randomText(16), randomText(16)]
    await party.write(0, '')
    await party.write(1, 'first', first)
    await party.write(2, 'second', second)
    expect(await party.write(1, 'first', first)).toMatchObject({ status: 200, seq: 2, isContested: false })
    await party.write(3, 'third')
    expect(await party.write(2, 'second', second)).toMatchObject({ status: 200, seq: 3, isContested: false })
    expect(await party.write(2, 'second', first)).toMatchObject({ status: 409, code: 'RENDEZVOUS_CONTESTED' })
    expect(await party.read()).toMatchObject({ seq: 3, data: 'third', isContested: true })
  })

  test('of twenty concurrent writers, one succeeds', async () => {
    const server = await newServer()
    const channel = randomText(32)
    await partyOf(server, channel).write(0, '')
    const written = await Promise.all(
      Array.from({ length: 20 }, (_, index) => partyOf(server, channel).write(1, `writer${index}`)),
    )
    expect(written.filter(({ status }) => status === 200)).toHaveLength(1)
    const { data } = written.find(({ status }) => status === 200)!
    expect(await partyOf(server, channel).read()).toMatchObject({ data, isContested: true })
  })

  test('forgets a channel five minutes after it began, whatever was written since', async () => {
    const clock = manualClock()
    const party = partyOf(await newServer(clock.now), randomText(32))
    expect((await party.write(0, '')).expiresIn).toBe(300_000)
    clock.advance(299_000)
    expect((await party.write(1, 'late')).expiresIn).toBe(1000)
    clock.advance(1000)
    expect(await party.read()).toMatchObject({ status: 404 })
    expect(await party.write(2, 'later')).toMatchObject({ status: 404 })
    expect(await party.write(0, '')).not.toMatchObject({ status: 200 })
  })

  test('does not open a deleted channel again, which would hide that a second party used it', async () => {
    const clock = manualClock()
    const party = partyOf(await newServer(clock.now), randomText(32))
    for (const seq of [0, 1, 2]) await party.write(seq, '')
    await party.remove()
    expect(await party.write(0, '')).toMatchObject({ status: 404, code: 'RENDEZVOUS_ENDED' })
    expect(await party.write(1, '')).toMatchObject({ status: 404 })
    expect(await party.remove()).toMatchObject({ status: 200 })
    expect(await party.write(0, '')).toMatchObject({ status: 404 })
    clock.advance(299_999)
    expect(await party.write(0, '')).toMatchObject({ status: 404 })
    expect(await party.read()).toMatchObject({ status: 404 })
  })

  test('opens no more channels than its limit', async () => {
    const clock = manualClock()
    const server = await newServer(clock.now, 3)
    const open = async (): Promise<number> => (await partyOf(server, randomText(32)).write(0, '')).status
    expect([await open(), await open(), await open(), await open()]).toEqual([200, 200, 200, 503])
    clock.advance(600_000)
    expect(await open()).toBe(200)
  })
}

onEachEngine((newServer) => {
  describe('in the table', () => {
    keepsOneSlot((clock, total) =>
      newServer({ plugins: withPairing(total ? { limit: { total } } : {}, clock ? { clock } : {}) }),
    )

    test('a deleted channel leaves no message, and does not count for the limit', async () => {
      const server = await newServer({ plugins: withPairing({ limit: { total: 1 } }) })
      const party = partyOf(server, randomText(32))
      await party.write(0, '')
      await party.write(1, 'sealed')
      await party.remove()
      expect(await server.rows('latchkeyRendezvous')).toMatchObject([{ data: '' }])
      expect(await partyOf(server, randomText(32)).write(0, '')).toMatchObject({ status: 200 })
      expect(await partyOf(server, randomText(32)).write(0, '')).toMatchObject({ status: 503 })
    })

    test('expired slots are deleted', async () => {
      const clock = manualClock()
      const server = await newServer({ plugins: withPairing({}, { clock: clock.now }) })
      for (let count = 0; count < 3; count++) await partyOf(server, randomText(32)).write(0, '')
      const ended = partyOf(server, randomText(32))
      await ended.write(0, '')
      await ended.remove()
      clock.advance(301_000)
      await partyOf(server, randomText(32)).write(0, '')
      expect(await server.rows('latchkeyRendezvous')).toHaveLength(1)
    })
  })
})

describe('in a secondary storage', () => {
  keepsOneSlot((clock, total) =>
    testServer({
      plugins: withPairing(
        { rendezvousStore: memoryStorage(clock), ...(total && { limit: { total } }) },
        clock ? { clock } : {},
      ),
    }),
  )

  test('a message whose server died before it wrote ends the pairing, and is never written twice', async () => {
    const storage = memoryStorage()
    const server = await testServer({ plugins: withPairing({ rendezvousStore: storage }) })
    const party = partyOf(server, randomText(32))
    await party.write(0, '')
    const { set } = storage
    storage.set = () => Promise.reject(new Error('the server died'))
    expect((await party.write(1, 'lost')).status).toBe(500)
    storage.set = set
    expect(await party.write(1, 'again')).toMatchObject({ status: 409 })
    expect(await party.read()).toMatchObject({ seq: 0, data: '', isContested: true })
  })
})

describe.skipIf(!HAS_REDIS)('in a Redis', () => {
  const redis = sharedRedis()
  const server = (space?: string, clock?: () => number, total?: number): Promise<TestServer> =>
    testServer({
      plugins: withPairing(
        { rendezvousStore: redis.open(space), ...(total && { limit: { total } }) },
        clock ? { clock } : {},
      ),
    })
  keepsOneSlot((clock, total) => server(undefined, clock, total))

  test('of twenty writers at once, on two servers with a connection each, one succeeds', async () => {
    const servers = [await server('two'), await server('two')]
    for (let round = 0; round < 10; round++) {
      const channel = randomText(32)
      await partyOf(servers[0]!, channel).write(0, '')
      const written = await Promise.all(
        Array.from({ length: 20 }, (_, index) => partyOf(servers[index % 2]!, channel).write(1, `writer${index}`)),
      )
      const done = written.filter(({ status }) => status === 200)
      expect(done).toHaveLength(1)
      for (const one of servers)
        expect(await partyOf(one, channel).read()).toMatchObject({ data: done[0]!.data, isContested: true })
    }
  })

  test('leaves nothing that Redis does not delete by itself', async () => {
    const party = partyOf(await server('ends'), randomText(32))
    for (const seq of [0, 1, 2]) await party.write(seq, String(seq))
    await party.write(2, 'second party')
    await party.remove()
    const lives = await redis.lives('ends:*')
    expect(lives.length).toBeGreaterThan(0)
    for (const seconds of lives) expect([seconds > 0, seconds <= 1200]).toEqual([true, true])
  })
})

describe('the rendezvous refuses', () => {
  const refused = async (headers: Record<string, string>): Promise<unknown> => {
    const server = await testServer({ plugins: withPairing() })
    const channel = randomText(32)
    const answers = await Promise.all([
      partyOf(server, channel, headers).write(0, ''),
      partyOf(server, channel, headers).read(),
      partyOf(server, channel, headers).remove(),
    ])
    expect(await server.rows('latchkeyRendezvous')).toEqual([])
    return answers
  }
  const forbidden = { status: 403, code: 'CROSS_SITE_FORBIDDEN' }

  test('a page of an origin that is not trusted', async () => {
    expect(await refused({ origin: 'https://evil.example' })).toMatchObject([forbidden, forbidden, forbidden])
    expect(await refused({ origin: 'null' })).toMatchObject([forbidden, forbidden, forbidden])
  })

  test('a navigation', async () => {
    expect(await refused({ 'sec-fetch-mode': 'navigate' })).toMatchObject([forbidden, forbidden, forbidden])
  })

  test('a form', async () => {
    expect(await refused({ 'content-type': 'text/plain' })).toMatchObject([
      { status: 415 },
      { status: 415 },
      { status: 415 },
    ])
  })

  test('a request without its header, which a page of another site cannot set', async () => {
    const server = await testServer({ plugins: withPairing() })
    const body = { channel: randomText(32), seq: 0, data: '', tx: randomText(16) }
    for (const path of ['', '/read', '/delete'])
      expect((await server.browser().send(`/latchkey/rendezvous${path}`, post(body))).status).toBe(400)
    expect(await server.rows('latchkeyRendezvous')).toEqual([])
  })

  test.each([
    ['a channel of another length', { channel: randomText(31) }],
    ['a channel that is no text', { channel: { length: 43 } }],
    ['a number that is none', { seq: '1' }],
    ['a number below 0', { seq: -1 }],
    ['a sixteenth message', { seq: 16 }],
    ['more than 4 KiB', { data: 'x'.repeat(4097) }],
    ['data that is no base64url', { data: '<>' }],
    ['a transaction without an id', { tx: '' }],
  ])('%s', async (_, change) => {
    const server = await testServer({ plugins: withPairing() })
    const body = { channel: randomText(32), seq: 0, data: '', tx: randomText(16), ...change }
    const response = await server.browser().send('/latchkey/rendezvous', post(body, { 'x-latchkey-rendezvous': '1' }))
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'BODY_INVALID'])
  })

  test('more channels of one address than its limit, and tells the storage no address', async () => {
    const clock = manualClock()
    const server = await testServer({ plugins: withPairing({ limit: { perAddress: 2 } }, { clock: clock.now }) })
    const open = async (address: string): Promise<number> =>
      (await partyOf(server, randomText(32), { 'x-forwarded-for': address }).write(0, '')).status
    expect([await open('192.0.2.1'), await open('192.0.2.1'), await open('192.0.2.1')]).toEqual([200, 200, 503])
    expect(await open('192.0.2.2')).toBe(200)
    expect(JSON.stringify(await server.rows('latchkeyRendezvous'))).not.toContain('192.0.2')
    clock.advance(300_000)
    expect(await open('192.0.2.1')).toBe(200)
  })

  test('everything unless pairing is enabled', async () => {
    const server = await testServer()
    expect((await server.browser().send('/latchkey/rendezvous', post({}))).status).toBe(404)
  })
})

test('its header is among those that the documentation lets through CORS', () => {
  const page = readFileSync(new URL('../../../docs/better-auth.md', import.meta.url), 'utf8')
  const row = page.split('\n').find((line) => line.includes('Access-Control-Allow-Headers'))
  expect(row).toContain(`\`${RENDEZVOUS_HEADER}\``)
})

test('limits that are no numbers are refused at the start', () => {
  for (const limit of [{ total: 0 }, { perAddress: 1.5 }, { total: Number.NaN }])
    expect(() => latchkey({ pairing: { limit } })).toThrow('pairing.limit')
})

test('400 requests of one address in a minute are too many', async () => {
  const server = await testServer({ plugins: withPairing(), rateLimit: { enabled: true } })
  const party = partyOf(server, randomText(32), { 'x-forwarded-for': '192.0.2.1', origin: ORIGIN })
  const answers: number[] = []
  for (let index = 0; index <= 300; index++) answers.push((await party.read()).status)
  expect([...new Set(answers)]).toEqual([404, 429])
})
