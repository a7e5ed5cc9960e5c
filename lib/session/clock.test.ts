import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createSessionResolver } from '../server.ts'
import {
  HOUR,
  MINUTE,
  SECOND,
  anonymousAuth,
  jwt,
  nameOf,
  testIdentity,
  testSession,
  testTransport,
  testSource,
  testTime,
} from './session.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

const WRONG_BY = [1, 5, 14, 16, 60].flatMap((minutes) => [minutes, -minutes])

describe.each(WRONG_BY)('on a device whose clock is wrong by %i minutes', (minutes) => {
  /** The issuer and the other side are right; only the device is not. */
  async function world(lifetime = 900) {
    const real = testTime()
    const time = { ...real, clock: () => real.clock() + minutes * MINUTE }
    const source = testSource(real.clock, 'ada', lifetime)
    const expiry = new Map<string, number>()
    const transport = testTransport()
    const next = source.next
    source.next = (claims) => {
      const token = next(claims)
      expiry.set(token, real.clock() + lifetime * SECOND)
      return token
    }
    transport.answer = (token) => (expiry.get(token)! > real.clock() ? 'accept' : 'expired')
    /** The other side closes the connection when its token ends. */
    const pass = async (milliseconds: number): Promise<void> => {
      for (let left = milliseconds; left > 0; left -= SECOND) {
        await time.advance(Math.min(SECOND, left))
        const token = transport.token()
        if (token && expiry.get(token)! <= real.clock()) transport.connection().rejected('expired')
      }
    }
    return { time, source, transport, pass, auth: await anonymousAuth(time) }
  }

  test('a fresh token is refreshed by its own lifetime: no rejection, no loop', async () => {
    const { time, source, transport, pass, auth } = await world()
    const { session, kinds } = await testSession(time, auth, transport, { refresh: source })
    await pass(HOUR)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
    expect(transport.calls.filter((call) => call.startsWith('connect'))).toEqual(['connect one'])
    // Between every 14 minutes and, where the clock makes a token look up to half its life older, every 7.
    expect(source.asked()).toBeGreaterThanOrEqual(5)
    expect(source.asked()).toBeLessThanOrEqual(10)
  })

  test('a token given at the start leads to a good session too', async () => {
    const { time, source, transport, pass, auth } = await world()
    const { session, kinds } = await testSession(time, auth, transport, { token: source.next(), refresh: source })
    await pass(HOUR)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
    expect(source.asked()).toBeLessThanOrEqual(10)
  })

  test('an expired token at the start is mended: refreshed first, or after the other side said so', async () => {
    const { time, source, transport, pass, auth } = await world()
    const old = source.next()
    await time.advance(20 * MINUTE)
    const { session, kinds } = await testSession(time, auth, transport, { token: old, refresh: source })
    await pass(MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(nameOf(transport.token()!)).toBe('two')
    expect(source.asked()).toBe(1)
    expect(kinds).toEqual([])
  })

  test('a token without iat is no loop', async () => {
    const { time, source, transport, auth } = await world()
    source.answer = () => source.next({ iat: undefined })
    transport.answer = () => 'accept'
    await testSession(time, auth, transport, { refresh: source })
    await time.advance(HOUR)
    expect(source.asked()).toBeLessThanOrEqual(76)
  })
})

describe('the clock of the device', () => {
  test('turned back after a token came does not delay its refresh', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
    time.jump(-HOUR)
    await time.advance(15 * MINUTE)
    expect(source.asked()).toBe(1)
  })

  test('turned ahead makes no loop', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
    time.jump(HOUR)
    await time.advance(HOUR)
    expect(source.asked()).toBeLessThanOrEqual(5)
  })

  test('an hour ahead: a server refuses what the device signs as too early, and the rejection is shown', async () => {
    const real = testTime()
    const time = { ...real, clock: () => real.clock() + HOUR }
    const { auth } = await testIdentity(time)
    const resolver = createSessionResolver({
      localFirst: { audience: 'https://app.example', afterUpgrade: 'allow' },
      clock: real.clock,
    })
    const answer = await resolver.resolve(
      new Request('https://app.example', { headers: { authorization: `Bearer ${await auth.getToken()}` } }),
    )
    const transport = testTransport()
    transport.answer = () => (answer.ok ? 'accept' : (answer.error as 'expired'))
    const { session } = await testSession(time, auth, transport)
    expect(answer).toMatchObject({ ok: false, reason: 'TOKEN_NOT_YET_VALID' })
    await time.advance(2 * SECOND)
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'expired', failure: 'TOKEN_EXPIRED' })
    expect(auth.getState().error).toBe('expired')
  })
})

describe('what lay somewhere before', () => {
  test('is refreshed before its end: auth had the token for a while already', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    await auth.getToken()
    await time.advance(10 * MINUTE)
    const transport = testTransport()
    await testSession(time, auth, transport)
    const first = transport.token()
    await time.advance(4 * MINUTE + SECOND)
    expect(transport.token()).not.toBe(first)
    expect(transport.calls).toHaveLength(2)
  })

  test('counts from nbf where there is no iat', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const now = time.clock() / 1000
    const token = jwt({ jti: 'first', sub: 'ada', nbf: now - 600, exp: now + 300 })
    await testSession(time, await anonymousAuth(time), testTransport(), { token, refresh: source })
    await time.advance(4 * MINUTE - 1)
    expect(source.asked()).toBe(0)
    await time.advance(1)
    expect(source.asked()).toBe(1)
  })
})
