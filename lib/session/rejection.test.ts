import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../errors.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  anonymousAuth,
  nameOf,
  rest,
  testIdentity,
  testSession,
  testSink,
  testSource,
  testTime,
} from './session.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

describe('after a rejection', () => {
  test('the error is set, the last session stays, traffic pauses, and a fresh token of the same principal resumes it (checklist 9: a rejection pauses, a valid refresh resumes)', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const sink = testSink()
    const { session } = await testSession(time, auth, sink)
    const states: unknown[] = []
    auth.subscribe(() =>
      states.push([auth.getState().error, auth.getState().session?.principal, session.getState().status, sink.token()]),
    )
    await time.advance(MINUTE)
    sink.link().rejected('expired')
    await rest()
    expect(states).toEqual([
      ['expired', principal(), 'paused', null],
      [undefined, principal(), 'connected', sink.token()],
    ])
    expect(sink.calls).toEqual([`connect of ${principal()}`, 'disconnect paused', `connect of ${principal()}`])
  })

  test.each([
    ['expired', 'expired', 'TOKEN_EXPIRED'],
    ['missing', 'missing', 'UNAUTHORIZED'],
    ['invalid', 'invalid', 'UNAUTHORIZED'],
    ['disabled', 'disabled', 'UNAUTHORIZED'],
    ['TOKEN_EXPIRED', 'expired', 'TOKEN_EXPIRED'],
    ['UNAUTHORIZED', 'invalid', 'UNAUTHORIZED'],
  ] as const)(
    '%s is shown by auth as %s and reported as %s, when a fresh token does not mend it (checklist 19: UNAUTHORIZED and TOKEN_EXPIRED reach a handler)',
    async (why, error, kind) => {
      const time = testTime()
      const { auth, principal } = await testIdentity(time)
      const sink = testSink()
      const { session, kinds } = await testSession(time, auth, sink)
      await time.advance(MINUTE)
      sink.answer = () => why
      sink.link().rejected(why)
      await rest()
      expect(auth.getState()).toMatchObject({ error, session: { principal: principal() } })
      expect(session.getState()).toEqual({ status: 'paused', principal: principal(), error, failure: kind })
      expect(kinds).toEqual([kind])
    },
  )

  test('that a fresh token mends, the app hears nothing', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    sink.link().rejected('TOKEN_EXPIRED')
    await rest()
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })

  test('a fresh token is tried later and later, at most five minutes apart', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, { refresh: source })
    sink.answer = () => 'invalid'
    sink.link().rejected('invalid')
    await time.advance(DAY)
    expect(source.asked()).toBeLessThan((24 * 60) / 5 + 12)
    expect(source.asked()).toBeGreaterThan((24 * 60) / 5 - 1)
    expect(kinds).toEqual(['UNAUTHORIZED'])
    sink.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('right after each acceptance there is no loop', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { kinds } = await testSession(time, await anonymousAuth(time), sink, { refresh: source })
    const { connect } = sink
    sink.connect = (token, link) => {
      connect(token, link)
      link.rejected('expired')
    }
    sink.link().rejected('expired')
    await time.advance(HOUR)
    expect(source.asked()).toBeLessThan(60)
    expect(kinds.length).toBeGreaterThan(0)
  })

  test('the refused token is not sent again at once', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const first = source.next()
    source.answer = () => first
    await testSession(time, await anonymousAuth(time), sink, { token: first, refresh: source })
    sink.link().rejected('expired')
    await rest()
    expect(source.asked()).toBe(1)
    expect(sink.calls).toEqual(['connect one', 'disconnect paused'])
    source.answer = () => source.next()
    await time.advance(2 * SECOND)
    expect(sink.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test('of a principal that moved to an account nothing is tried: only a sign-in mends it', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const sink = testSink()
    const { kinds } = await testSession(time, auth, sink)
    sink.link().rejected('disabled')
    await time.advance(DAY)
    expect(sink.calls).toEqual([`connect of ${principal()}`, 'disconnect paused'])
    expect(kinds).toEqual(['UNAUTHORIZED'])
    expect(auth.getState().error).toBe('disabled')
  })

  test('by a connection that is over nothing happens', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    const old = sink.link()
    old.rejected('expired')
    await rest()
    const state = session.getState()
    old.rejected('disabled')
    old.lost()
    old.accepted()
    expect(session.getState()).toBe(state)
    expect(sink.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
    sink.answer = () => 'silence'
    sink.link().rejected('expired')
    await time.advance(2 * SECOND)
    expect(sink.calls.at(-1)).toBe('connect three')
    old.accepted()
    expect(session.getState().status).toBe('paused')
  })

  test('while the handler throws it stays paused, and resumes when it works again', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => {
      throw new Error('out of order')
    }
    sink.link().rejected('expired')
    await time.advance(HOUR)
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'expired' })
    expect(sink.calls).toEqual(['connect one', 'disconnect paused'])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('a session that is gone at the provider is reported', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const sink = testSink()
    const { session, kinds } = await testSession(time, auth, sink)
    account.setSession(null)
    sink.link().rejected('expired')
    await rest()
    expect(kinds).toEqual(['UNAUTHORIZED'])
    expect(session.getState()).toEqual({
      status: 'paused',
      principal: principal(),
      error: 'missing',
      failure: 'UNAUTHORIZED',
    })
    account.setSession('ada')
    await time.advance(MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
  })
})

describe('an error that another part of the app set', () => {
  test('pauses the session too; a fresh token that is taken here ends it', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const sink = testSink()
    const { session } = await testSession(time, auth, sink)
    await time.advance(MINUTE)
    sink.answer = () => 'silence'
    auth.reportToken('invalid')
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'invalid' })
    expect(sink.token()).toBeNull()
    await rest()
    expect(sink.calls).toEqual([`connect of ${principal()}`, 'disconnect paused', `connect of ${principal()}`])
    sink.link().accepted()
    expect(auth.getState().error).toBeUndefined()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
  })

  test('before the session began is shown by it, until its token is taken', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    auth.reportToken('expired')
    const sink = testSink()
    sink.answer = () => 'silence'
    const { session } = await testSession(time, auth, sink)
    expect(session.getState()).toEqual({ status: 'paused', principal: principal(), error: 'expired' })
    sink.link().accepted()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
  })

  test('again and again, as often as this session ends it, drives nobody into a loop', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const [good, bad] = [testSink(), testSink()]
    bad.answer = () => 'invalid'
    await testSession(time, auth, good)
    await testSession(time, auth, bad)
    await time.advance(HOUR)
    expect(bad.calls.length).toBeLessThan(80)
    expect(good.calls.length).toBeLessThan(80)
    let connected = 0
    for (let second = 0; second < 3600; second += 10) {
      await time.advance(10 * SECOND)
      if (good.token()) connected++
    }
    expect(connected).toBeGreaterThan(350)
    bad.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect([good.token(), bad.token()]).not.toContain(null)
  })

  test('and that another part ended resumes the session', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const sink = testSink()
    const { session } = await testSession(time, auth, sink)
    auth.reportToken('disabled')
    await time.advance(HOUR)
    expect(sink.token()).toBeNull()
    auth.reportToken(null)
    await rest()
    expect(session.getState().status).toBe('connected')
  })
})

describe('an update that the other side refuses', () => {
  test('is told to whoever made it, and the token before stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, { token: source.next() })
    sink.answer = () => 'invalid'
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(kinds).toEqual(['UNAUTHORIZED'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada', failure: 'UNAUTHORIZED' })
    expect(nameOf(sink.token()!)).toBe('one')
    expect(sink.calls).toEqual(['connect one', 'update two'])
  })

  test('by closing the connection leads back to the token before', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, { token: source.next() })
    sink.answer = (token) => (nameOf(token) === 'two' ? 'silence' : 'accept')
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await rest()
    sink.link().rejected('UNAUTHORIZED')
    expect(await updated).toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(sink.calls).toEqual(['connect one', 'update two', 'disconnect paused', 'connect one'])
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual(['UNAUTHORIZED'])
  })

  test('at the new connection of a sink that cannot replace leads back to the token before', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink(['update'])
    const { session } = await testSession(time, await anonymousAuth(time), sink, { token: source.next() })
    sink.answer = (token) => (nameOf(token) === 'two' ? 'UNAUTHORIZED' : 'accept')
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(sink.calls).toEqual(['connect one', 'disconnect paused', 'connect two', 'disconnect paused', 'connect one'])
    expect(session.getState().status).toBe('connected')
  })

  test('when the handler made it is reported, and tried again later and later', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink(['update'])
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    sink.answer = (token) => (nameOf(token) === 'one' ? 'accept' : 'UNAUTHORIZED')
    await time.advance(15 * MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toContain('UNAUTHORIZED')
    expect(source.asked()).toBeLessThan(10)
    await time.advance(HOUR)
    expect(source.asked()).toBeLessThan(60)
    sink.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('for other roles closes the session (checklist 19: ROLES_MISMATCH reaches a handler)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    sink.answer = () => 'silence'
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await rest()
    sink.link().rejected('ROLES_MISMATCH')
    expect(await updated).toMatchObject({ code: 'ROLES_MISMATCH' })
    await time.advance(DAY)
    expect(session.getState()).toEqual({ status: 'closed', principal: 'ada', failure: 'ROLES_MISMATCH' })
    expect(kinds).toEqual(['ROLES_MISMATCH'])
    expect(sink.calls).toEqual(['connect one', 'update two', 'disconnect paused'])
  })

  test('without an answer is OFFLINE, and the token before stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, { token: source.next() })
    sink.update = async () => {
      throw new LatchkeyError('OFFLINE')
    }
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'OFFLINE' })
    sink.update = () => new Promise(() => {})
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await time.advance(MINUTE)
    expect(await updated).toMatchObject({ code: 'OFFLINE' })
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    expect(kinds).toEqual([])
  })
})

describe('SCHEMA_MISMATCH (checklist 19: SCHEMA_MISMATCH reaches a handler)', () => {
  test('is passed through: no token mends it, auth has no error, connect() tries again', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const sink = testSink()
    sink.answer = () => 'SCHEMA_MISMATCH'
    const { session, kinds } = await testSession(time, auth, sink)
    expect(kinds).toEqual(['SCHEMA_MISMATCH'])
    expect(session.getState()).toEqual({ status: 'closed', principal: principal(), failure: 'SCHEMA_MISMATCH' })
    expect(auth.getState().error).toBeUndefined()
    await time.advance(DAY)
    expect(sink.calls).toEqual([`connect of ${principal()}`, 'disconnect paused'])
    sink.answer = () => 'accept'
    session.connect()
    await rest()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
  })
})

describe('a lost connection (checklist 20: sessions survive lost connections)', () => {
  test('is made again with the same token, later and later', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 86_400)
    const sink = testSink()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), sink, {
      token: source.next(),
      refresh: source,
    })
    sink.answer = () => 'lose'
    sink.link().lost()
    expect(session.getState().status).toBe('connecting')
    await time.advance(HOUR)
    expect(sink.calls.length).toBeGreaterThan(12)
    expect(sink.calls.length).toBeLessThan(40)
    expect(new Set(sink.calls)).toEqual(new Set(['connect one']))
    sink.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })

  test('whose token ended meanwhile is made with a fresh one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    await testSession(time, await anonymousAuth(time), sink, { token: source.next(), refresh: source })
    time.jump(HOUR)
    sink.link().lost()
    await time.advance(2 * SECOND)
    expect(sink.calls).toEqual(['connect one', 'connect two'])
  })

  test('is what any word but a verdict means, such as unavailable', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const sink = testSink()
    const { session, kinds } = await testSession(time, auth, sink)
    sink.link().rejected('unavailable' as never)
    expect(session.getState()).toEqual({ status: 'connecting', principal: auth.getState().session?.principal })
    await time.advance(2 * SECOND)
    expect(session.getState().status).toBe('connected')
    expect(auth.getState().error).toBeUndefined()
    expect(kinds).toEqual([])
  })

  test('keeps the token that was on its way', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const sink = testSink()
    const { session } = await testSession(time, await anonymousAuth(time), sink, { token: source.next() })
    sink.update = () => new Promise(() => {})
    const updated = session.update(source.next())
    await rest()
    sink.link().lost()
    await updated
    await time.advance(2 * SECOND)
    expect(sink.calls).toEqual(['connect one', 'connect two'])
  })

  test('of a sink that throws is told apart from a verdict', async () => {
    const time = testTime()
    const sink = testSink()
    const { connect } = sink
    sink.connect = () => {
      throw new Error('no socket')
    }
    const { session, faults, kinds } = await testSession(time, await anonymousAuth(time), sink, {
      token: testSource(time.clock).next(),
    })
    expect(faults).toEqual([new Error('no socket')])
    sink.connect = async () => {
      throw new Error('no socket either')
    }
    await time.advance(2 * SECOND)
    expect(faults).toHaveLength(2)
    sink.connect = connect
    await time.advance(MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })
})

test('a callback of the app that throws breaks nothing', async () => {
  const time = testTime()
  const sink = testSink()
  const seen: unknown[] = []
  const { reportError } = globalThis
  globalThis.reportError = (error) => void seen.push(error)
  const { session } = await testSession(time, await anonymousAuth(time), sink, {
    token: testSource(time.clock).next(),
    onSessionError: async () => {
      throw new Error('app bug')
    },
  })
  session.subscribe(() => {
    throw new Error('another')
  })
  sink.link().rejected('SCHEMA_MISMATCH')
  await rest()
  globalThis.reportError = reportError
  expect(seen).toEqual([new Error('another'), new Error('app bug')])
  expect(session.getState().status).toBe('closed')
})
