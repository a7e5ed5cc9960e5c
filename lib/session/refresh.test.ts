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

  test('at once when the principals of its user change: servers go by those that the token lists', async () => {
    const time = testTime()
    const { auth, account, server, principal } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const transport = testTransport()
    await testSession(time, auth, transport)
    server.accounts.get('ada')!.aliases = ['device']
    await auth.getToken({ fresh: true })
    await rest()
    expect(transport.calls).toEqual([`connect of ${principal()}`, `update of ${principal()}`])
    expect(claimsOf(transport.token()!)).toMatchObject({ aliases: ['device'] })
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
    const options = { token: old, refresh: source }
    const { session, faults } = await testSession(time, await anonymousAuth(time), transport, options)
    expect(transport.calls).toEqual(['disconnect ended'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    expect(faults).toEqual([expect.objectContaining({ code: 'PRINCIPAL_MISMATCH' })])
  })

  test('never, without a way to get another token: an expired one goes to the other side as it is', async () => {
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

  test('with null ends the session and its refreshing, keeps local data, and a later start goes on', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => null
    await time.advance(15 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    expect([kinds, faults, time.waiting()]).toEqual([[], [], 0])
    await time.advance(DAY)
    expect(source.asked()).toBe(1)
    source.answer = () => source.next()
    await session.start()
    await rest()
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('with null after a rejection ends the session too', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => null
    transport.connection().rejected('expired')
    await rest()
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'disconnect ended'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
  })

  test("with null ends the session of a device's identity, which stays as it is", async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const source = testSource(time.clock, principal())
    const { session } = await testSession(time, auth, testTransport(), { refresh: source })
    const state = auth.getState()
    source.answer = () => null
    await time.advance(15 * MINUTE)
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    expect(auth.getState()).toBe(state)
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

  test("with another user's token ends the session, and starts that user's once beforeRestart is done", async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const changes: unknown[] = []
    let decide = (): void => {}
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
      async beforeRestart(change, restarted) {
        changes.push(change)
        await new Promise<void>((resolve) => (decide = resolve))
        await restarted.clear()
      },
    })
    source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
    await time.advance(14 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
    decide()
    await rest()
    expect(changes).toEqual([{ from: 'ada', to: 'eve' }])
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'clear', "connect eve's"])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'eve' })
    expect([kinds, faults]).toEqual([[], []])
  })

  test("with another user's token starts that user's session at once on a transport that keeps nothing", async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport(['clear'])
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
    await time.advance(14 * MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', "connect eve's"])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'eve' })
  })

  test.each([
    ['without beforeRestart', {}, { code: 'PRINCIPAL_MISMATCH' }],
    ['if beforeRestart fails', { beforeRestart: () => Promise.reject(new Error('disk')) }, { message: 'disk' }],
  ])(
    "with another user's token ends the session %s, where the transport keeps data: no token reaches it",
    async (_, options, fault) => {
      const time = testTime()
      const source = testSource(time.clock)
      const transport = testTransport()
      const { session, faults } = await testSession(time, await anonymousAuth(time), transport, {
        token: source.next(),
        refresh: source,
        ...options,
      })
      source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
      await time.advance(HOUR)
      expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
      expect(session.getState()).toEqual({ status: 'ended', principal: null })
      expect(faults).toEqual([expect.objectContaining(fault)])
      expect(time.waiting()).toBe(0)
    },
  )

  test("with another user's token after end() and start() waits for beforeRestart too", async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      refresh: source,
      beforeRestart: (_, restarted) => restarted.clear(),
    })
    await session.end()
    source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
    await session.start()
    await rest()
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'clear', "connect eve's"])
  })

  test("with another user's token while the app still decides: only the last one starts", async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const decisions: (() => void)[] = []
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
      beforeRestart: () => new Promise<void>((resolve) => decisions.push(resolve)),
    })
    source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
    await time.advance(14 * MINUTE)
    source.answer = () => testSource(time.clock, 'bob').next({ jti: "bob's" })
    await session.start()
    await rest()
    for (const decide of decisions) decide()
    await rest()
    expect(decisions).toHaveLength(2)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', "connect bob's"])
    expect(session.getState().principal).toBe('bob')
  })

  test("with a token of another principal than the device's is refused: the connection stays", async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const source = testSource(time.clock, principal())
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, auth, transport, {
      refresh: source,
      beforeRestart: (_, restarted) => restarted.clear(),
    })
    source.answer = () => testSource(time.clock, 'eve').next({ jti: "eve's" })
    await time.advance(14 * MINUTE + 30 * SECOND)
    expect(transport.calls).toEqual(['connect one'])
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
    expect(faults[0]).toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(kinds).toEqual([])
    transport.connection().rejected('expired')
    await time.advance(MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(kinds).toEqual(['TOKEN_EXPIRED'])
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
