import { beforeEach, describe, expect, test, vi } from 'vitest'
import {
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  anonymousAuth,
  claimsOf,
  jwt,
  rest,
  testIdentity,
  testSession,
  testTransport,
  testSource,
  testTime,
} from './session.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

describe('a token is refreshed (checklist 17: before expiry, or at a given interval; an expired one first)', () => {
  test('before it expires, again and again, without touching the connection', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    await time.advance(13 * MINUTE)
    expect(source.asked()).toBe(0)
    await time.advance(2 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'update two'])
    await time.advance(HOUR)
    expect(source.asked()).toBe(5)
    expect(transport.calls.slice(1).every((call) => call.startsWith('update'))).toBe(true)
    expect(session.getState().status).toBe('connected')
  })

  test('by auth, where the app gave no handler', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    await testSession(time, auth, transport, { audience: 'https://sync.example' })
    const first = transport.token()!
    await time.advance(15 * MINUTE)
    expect(transport.calls).toEqual([`connect of ${principal()}`, `update of ${principal()}`])
    expect(transport.token()).not.toBe(first)
    expect(claimsOf(transport.token()!)).toMatchObject({ aud: 'https://sync.example', sub: principal() })
  })

  test('by connecting anew, where the transport cannot replace one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport(['update'])
    await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    await time.advance(15 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test('at an interval', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    await testSession(time, await anonymousAuth(time), testTransport(), {
      token: source.next(),
      refresh: { handler: source.handler, interval: 5 * MINUTE },
    })
    await time.advance(5 * MINUTE - 1)
    expect(source.asked()).toBe(0)
    await time.advance(1)
    expect(source.asked()).toBe(1)
    await time.advance(20 * MINUTE)
    expect(source.asked()).toBe(5)
  })

  test('before its end, also where the interval is longer', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: { handler: source.handler, interval: HOUR },
    })
    await time.advance(15 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('first, where it expired already at the start', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const old = source.next()
    time.jump(HOUR)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: old, refresh: source })
    expect(transport.calls).toEqual(['connect two'])
  })

  test('first, where it expired already at the start: its roles are those of the fresh one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const old = source.next({ role: 'reader' })
    time.jump(HOUR)
    source.answer = () => source.next({ role: 'editor' })
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(), {
      token: old,
      refresh: source,
    })
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test("first, where it expired already at the start: not by another principal's", async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const old = source.next()
    time.jump(HOUR)
    source.answer = () => source.next({ sub: 'eve' })
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: old, refresh: source })
    expect(transport.calls).toEqual([])
    expect(session.getState()).toMatchObject({ status: 'paused', principal: 'ada', error: 'invalid' })
  })

  test('never, where there is nobody to ask: an expired one goes to the other side as it is', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const old = source.next()
    time.jump(HOUR)
    const transport = testTransport()
    transport.answer = () => 'TOKEN_EXPIRED'
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, { token: old })
    await time.advance(DAY)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(kinds).toEqual(['TOKEN_EXPIRED'])
    expect(session.getState()).toEqual({
      status: 'paused',
      principal: 'ada',
      error: 'expired',
      failure: 'TOKEN_EXPIRED',
    })
    transport.answer = () => 'accept'
    await session.update(source.next())
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('never, where it has no end', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, {
      token: jwt({ jti: 'endless', sub: 'ada' }),
      refresh: source,
    })
    await time.advance(400 * DAY)
    expect(source.asked()).toBe(0)
    expect(time.waiting()).toBe(0)
  })
})

describe('a long life', () => {
  test('of 30 days never overflows a timer: one refresh, at its time', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 30 * 86_400)
    await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
    await time.advance(30 * DAY - MINUTE - 1)
    expect(source.asked()).toBe(0)
    await time.advance(1)
    expect(source.asked()).toBe(1)
    expect(Math.max(...time.delays)).toBeLessThan(2 ** 31)
  })

  test('of a hundred years neither', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 100 * 365 * 86_400)
    await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
    await time.advance(365 * DAY)
    expect(source.asked()).toBe(0)
    expect(Math.max(...time.delays)).toBeLessThan(2 ** 31)
    expect(time.delays.length).toBeLessThan(20)
  })

  test('a short one is no loop: at most once a second', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 1)
    await testSession(time, await anonymousAuth(time), testTransport(), { refresh: source })
    await time.advance(MINUTE)
    expect(source.asked()).toBeLessThanOrEqual(61)
    expect(source.asked()).toBeGreaterThan(30)
  })
})

describe('a source that answers', () => {
  test('with the same token is asked again later, and the transport is left alone', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 60)
    const transport = testTransport()
    const first = source.next()
    source.answer = () => first
    await testSession(time, await anonymousAuth(time), transport, { token: first, refresh: source })
    await time.advance(58 * SECOND)
    expect(source.asked()).toBeGreaterThan(1)
    expect(source.asked()).toBeLessThan(8)
    source.answer = () => source.next()
    await time.advance(10 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('with the same token at an interval is asked at the next interval', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 3600)
    const first = source.next()
    source.answer = () => first
    await testSession(time, await anonymousAuth(time), testTransport(), {
      token: first,
      refresh: { handler: source.handler, interval: 5 * MINUTE },
    })
    await time.advance(30 * MINUTE)
    expect(source.asked()).toBe(6)
  })

  test('with a token that it had at hand for a while is asked before that one ends', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 60)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
    await time.advance(30 * SECOND)
    const cached = source.next()
    source.answer = () => cached
    await time.advance(20 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'update two'])
    source.answer = () => source.next()
    // Issued at 30 s, so it ends at 90 s.
    await time.advance(39 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'update two', 'update three'])
  })

  test('with null pauses the session; a token that comes after resumes it', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => null
    await time.advance(15 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(session.getState()).toEqual({
      status: 'paused',
      principal: 'ada',
      error: 'missing',
      failure: 'UNAUTHORIZED',
    })
    expect(kinds).toEqual(['UNAUTHORIZED'])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('with null resumes by a token that the app gives, too', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => null
    await time.advance(15 * MINUTE)
    await session.update(source.next())
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('with null at the start leaves the session waiting, and is asked again', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    source.answer = () => null
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    expect(session.getState()).toEqual({ status: 'waiting', principal: null })
    expect(kinds).toEqual([])
    source.answer = () => source.next()
    await time.advance(2 * SECOND)
    expect(transport.calls).toEqual(['connect one'])
  })

  test('with another principal pauses the session, and that token never reaches the transport', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const eve = testSource(time.clock, 'eve')
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => eve.next({ jti: "eve's" })
    await time.advance(HOUR)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(session.getState()).toEqual({
      status: 'paused',
      principal: 'ada',
      error: 'invalid',
      failure: 'UNAUTHORIZED',
    })
    expect(kinds).toEqual(['UNAUTHORIZED'])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(session.getState().status).toBe('connected')
  })

  test('with other roles closes the session, and is not asked any more', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next({ role: 'editor' }),
      refresh: source,
    })
    source.answer = () => source.next({ role: 'reader' })
    await time.advance(DAY)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(source.asked()).toBe(1)
    expect(kinds).toEqual(['ROLES_MISMATCH'])
    await session.start()
    await rest()
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'disconnect ended', 'connect three'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('with what is no token is asked again later; the connection stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => 'not a token'
    await time.advance(15 * MINUTE)
    expect(faults[0]).toMatchObject({ code: 'TOKEN_MALFORMED' })
    expect(transport.calls).toEqual(['connect one'])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'update two'])
    expect(session.getState().status).toBe('connected')
  })

  test('by throwing is asked again, later and later, at most five minutes apart; the connection stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, faults, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => {
      throw new Error('out of order')
    }
    const at: number[] = []
    for (let minute = 0; minute < 240; minute++) {
      const before = source.asked()
      await time.advance(MINUTE)
      if (source.asked() > before) at.push(minute)
    }
    expect(faults[0]).toEqual(new Error('out of order'))
    expect(source.asked()).toBeLessThan(120)
    expect(Math.max(...at.slice(1).map((minute, index) => minute - at[index]!))).toBeLessThanOrEqual(6)
    expect(transport.calls).toEqual(['connect one'])
    expect(kinds).toEqual([])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'update two'])
    expect(session.getState().status).toBe('connected')
  })

  test('by throwing at once, not in its promise, is no different', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const handler = vi.fn(() => {
      throw new Error('at once')
    })
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: { handler },
    })
    await time.advance(15 * MINUTE)
    expect(handler).toHaveBeenCalled()
    expect(session.getState().status).toBe('connected')
  })

  test('never at all is given up after a while, and asked again', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
    source.answer = () => new Promise(() => {})
    await time.advance(14 * MINUTE + 20 * SECOND)
    expect(source.asked()).toBe(1)
    source.answer = () => source.next()
    await time.advance(30 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })
})

describe('offline at the moment of refresh', () => {
  test('unreachable is not rejected: the session stays as it was, and goes on later', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, auth, transport)
    const states: unknown[] = []
    session.subscribe(() => states.push(session.getState()))
    account.online = false
    await time.advance(30 * MINUTE)
    expect(faults[0]).toMatchObject({ code: 'OFFLINE' })
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
    account.online = true
    await time.advance(5 * MINUTE)
    expect(transport.calls).toEqual([`connect of ${principal()}`, `update of ${principal()}`])
    expect(states).toEqual([])
    expect(kinds).toEqual([])
  })

  test('at the start: the session waits, and connects when the network is back', async () => {
    const time = testTime()
    const { auth, account } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    account.online = false
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    await time.advance(HOUR)
    expect(session.getState()).toEqual({ status: 'waiting', principal: auth.getState().session?.principal })
    account.online = true
    await time.advance(5 * MINUTE)
    expect(session.getState().status).toBe('connected')
  })
})

describe('one refresh at a time (checklist 10: once however many requests fail together)', () => {
  test('however many failures come together', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    const connection = transport.connection()
    for (let count = 0; count < 10; count++) connection.rejected('expired')
    await rest()
    expect(source.asked()).toBe(1)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
    expect(session.getState().status).toBe('connected')
  })

  test('and one mint or request for sessions, fetches and callers together', async () => {
    const time = testTime()
    const { auth, account } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const transports = [testTransport(), testTransport()]
    for (const transport of transports) await testSession(time, auth, transport)
    const before = account.calls.filter((name) => name === 'getToken').length
    for (const transport of transports) transport.connection().rejected('expired')
    void auth.getToken({ fresh: true })
    await rest()
    expect(account.calls.filter((name) => name === 'getToken').length - before).toBe(1)
  })

  test('also when the session ends and starts meanwhile', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    let running = 0
    let most = 0
    const answers: (() => void)[] = []
    const handler = async (): Promise<string> => {
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => answers.push(resolve))
      running--
      return source.next()
    }
    const { session } = await testSession(time, await anonymousAuth(time), transport, { refresh: { handler } })
    await session.end()
    await session.start()
    await session.end()
    await session.start()
    await rest()
    expect(most).toBe(1)
    while (answers.length > 0) {
      answers.shift()!()
      await rest()
    }
    expect(most).toBe(1)
    expect(transport.calls).toEqual(['connect two'])
  })

  test('that is on its way is not lost by a token that is refused meanwhile', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    let answer: (token: string) => void = () => {}
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => new Promise((resolve) => (answer = resolve))
    await time.advance(14 * MINUTE)
    await expect(session.update(source.next({ sub: 'eve' }))).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    answer(source.next())
    await rest()
    expect(transport.calls).toEqual(['connect one', 'update three'])
  })

  test('what the app gives meanwhile counts, not what was asked for before', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    let answer: (token: string) => void = () => {}
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    const stale = source.next()
    source.answer = () => new Promise((resolve) => (answer = resolve))
    await time.advance(14 * MINUTE)
    await session.update(source.next())
    answer(stale)
    await rest()
    expect(transport.calls).toEqual(['connect one', 'update three'])
  })
})
