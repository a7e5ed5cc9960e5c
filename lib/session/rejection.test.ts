import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuthWith } from '../client/create-auth.ts'
import { later as lazy } from '../client/lazy.ts'
import { LatchkeyError } from '../errors.ts'
import { nobleSuite } from '../identity/noble.ts'
import { memoryStore } from '../keystore/memory.ts'
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
  testTransport,
  testSource,
  testTime,
} from './session.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

describe('after a rejection', () => {
  test('that `auth` hears of only after its start, an accepted token stays in use', async () => {
    const time = testTime()
    let arrive = (): void => {}
    const loading = new Promise<typeof lazy>((resolve) => (arrive = () => resolve(lazy)))
    const options = { keystore: memoryStore(), audience: 'https://app.example', clock: time.clock, crypto: nobleSuite }
    const auth = createAuthWith(() => loading)(options)
    await auth.ready
    const { handler } = testSource(time.clock, auth.getState().session!.principal)
    const transport = testTransport()
    transport.answer = (token) => (nameOf(token) === 'one' ? 'expired' : 'accept')
    const { session, kinds } = await testSession(time, auth, transport, { refresh: { handler } })
    expect(session.getState().status).toBe('connected')
    arrive()
    await time.advance(MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
    expect([session.getState().status, kinds, auth.getState().error]).toEqual(['connected', [], undefined])
  })

  test('the error is set, the last session stays, traffic pauses, and a fresh token of the same principal resumes it (checklist 9: a rejection pauses, a valid refresh resumes)', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    const states: unknown[] = []
    auth.subscribe(() =>
      states.push([
        auth.getState().error,
        auth.getState().session?.principal,
        session.getState().status,
        transport.token(),
      ]),
    )
    await time.advance(MINUTE)
    transport.connection().rejected('expired')
    await rest()
    expect(states).toEqual([
      ['expired', principal(), 'paused', null],
      [undefined, principal(), 'connected', transport.token()],
    ])
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect paused', `connect of ${principal()}`])
  })

  test.each([
    ['expired', 'expired', 'TOKEN_EXPIRED'],
    ['missing', 'missing', 'UNAUTHORIZED'],
    ['invalid', 'invalid', 'UNAUTHORIZED'],
    ['disabled', 'disabled', 'UNAUTHORIZED'],
    ['TOKEN_EXPIRED', 'expired', 'TOKEN_EXPIRED'],
    ['UNAUTHORIZED', 'invalid', 'UNAUTHORIZED'],
  ] as const)(
    '%s is shown by auth as %s and reported as %s, if a fresh token does not help (checklist 19: UNAUTHORIZED and TOKEN_EXPIRED reach a handler)',
    async (why, error, kind) => {
      const time = testTime()
      const { auth, principal } = await testIdentity(time)
      const transport = testTransport()
      const { session, kinds } = await testSession(time, auth, transport)
      await time.advance(MINUTE)
      transport.answer = () => why
      transport.connection().rejected(why)
      await rest()
      expect(auth.getState()).toMatchObject({ error, session: { principal: principal() } })
      expect(session.getState()).toEqual({ status: 'paused', principal: principal(), error, failure: kind })
      expect(kinds).toEqual([kind])
    },
  )

  test('that a fresh token mends, the app hears nothing', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    transport.connection().rejected('TOKEN_EXPIRED')
    await rest()
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })

  test('of a token that comes after lost connections, a fresh one is tried before the app hears of it', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    transport.answer = () => 'lose'
    transport.connection().lost()
    await time.advance(4 * SECOND)
    transport.answer = (token) => (nameOf(token) === 'one' ? 'expired' : 'accept')
    await time.advance(MINUTE)
    expect(transport.calls.filter((call) => call === 'connect one').length).toBeGreaterThan(2)
    expect(transport.calls.at(-1)).toBe('connect two')
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    expect(kinds).toEqual([])
  })

  test('a fresh token is tried later and later, at most five minutes apart', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    transport.answer = () => 'invalid'
    transport.connection().rejected('invalid')
    await time.advance(DAY)
    expect(source.asked()).toBeLessThan((24 * 60) / 5 + 12)
    expect(source.asked()).toBeGreaterThan((24 * 60) / 5 - 1)
    expect(kinds).toEqual(['UNAUTHORIZED'])
    transport.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('right after each acceptance there is no loop', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { kinds } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    const { connect } = transport
    transport.connect = (token, connection) => {
      connect(token, connection)
      connection.rejected('expired')
    }
    transport.connection().rejected('expired')
    await time.advance(HOUR)
    expect(source.asked()).toBeLessThan(60)
    expect(kinds.length).toBeGreaterThan(0)
  })

  test('the refused token is not sent again at once', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const first = source.next()
    source.answer = () => first
    await testSession(time, await anonymousAuth(time), transport, { token: first, refresh: source })
    transport.connection().rejected('expired')
    await rest()
    expect(source.asked()).toBe(1)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    source.answer = () => source.next()
    await time.advance(2 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test('of a principal that moved to an account nothing is tried: only a sign-in mends it', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { kinds } = await testSession(time, auth, transport)
    transport.connection().rejected('disabled')
    await time.advance(DAY)
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect paused'])
    expect(kinds).toEqual(['UNAUTHORIZED'])
    expect(auth.getState().error).toBe('disabled')
  })

  test('by a connection that is over nothing happens', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    const old = transport.connection()
    old.rejected('expired')
    await rest()
    const state = session.getState()
    old.rejected('disabled')
    old.lost()
    old.accepted()
    expect(session.getState()).toBe(state)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
    transport.answer = () => 'silence'
    transport.connection().rejected('expired')
    await time.advance(2 * SECOND)
    expect(transport.calls.at(-1)).toBe('connect three')
    old.accepted()
    expect(session.getState().status).toBe('paused')
  })

  test('while the handler throws it stays paused, and resumes when it works again', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => {
      throw new Error('out of order')
    }
    transport.connection().rejected('expired')
    await time.advance(HOUR)
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'expired' })
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test.each([
    ['throws', () => Promise.reject(new Error('not now'))],
    ['returns what is no token', () => 'not a token'],
  ])(
    'TOKEN_EXPIRED reaches the handler when the source %s, and a later token resumes the session (checklist 19: TOKEN_EXPIRED reaches a handler, when no fresh token can be had)',
    async (_, answer) => {
      const time = testTime()
      const source = testSource(time.clock)
      const transport = testTransport()
      const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
        token: source.next(),
        refresh: source,
      })
      source.answer = answer
      await time.advance(15 * MINUTE)
      expect(kinds).toEqual([])
      transport.connection().rejected('TOKEN_EXPIRED')
      await time.advance(HOUR)
      expect(kinds).toEqual(['TOKEN_EXPIRED'])
      expect(session.getState()).toEqual({
        status: 'paused',
        principal: 'ada',
        error: 'expired',
        failure: 'TOKEN_EXPIRED',
      })
      source.answer = () => source.next()
      await time.advance(5 * MINUTE)
      expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    },
  )

  test.each([
    ['the account server', new LatchkeyError('OFFLINE')],
    ['a broken account server', new LatchkeyError('PROVIDER_FAILED')],
    ['a server that asks to wait', new LatchkeyError('PROVIDER_LIMITED')],
    ['the network, by fetch', new TypeError('Failed to fetch')],
    ['a server, by a timeout of fetch', new DOMException('timed out', 'TimeoutError')],
  ])('unreachable is not rejected: nothing is reported while the source fails by %s', async (_, error) => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    source.answer = () => Promise.reject(error)
    transport.connection().rejected('TOKEN_EXPIRED')
    await time.advance(HOUR)
    expect(kinds).toEqual([])
    expect(faults[0]).toBe(error)
    expect(session.getState()).toEqual({ status: 'paused', principal: 'ada', error: 'expired' })
    source.answer = () => source.next()
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('a session that is gone at the provider is reported', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const transport = testTransport()
    const { session, kinds } = await testSession(time, auth, transport)
    account.setSession(null)
    transport.connection().rejected('expired')
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
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    await time.advance(MINUTE)
    transport.answer = () => 'silence'
    auth.reportToken('invalid')
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'invalid' })
    expect(transport.token()).toBeNull()
    await rest()
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect paused', `connect of ${principal()}`])
    transport.connection().accepted()
    expect(auth.getState().error).toBeUndefined()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
  })

  test('before the session began is shown by it, until its token is taken', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    auth.reportToken('expired')
    const transport = testTransport()
    transport.answer = () => 'silence'
    const { session } = await testSession(time, auth, transport)
    expect(session.getState()).toEqual({ status: 'paused', principal: principal(), error: 'expired' })
    transport.connection().accepted()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
  })

  test('again and again, as often as this session ends it, causes no loop', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const [good, bad] = [testTransport(), testTransport()]
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
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    auth.reportToken('disabled')
    await time.advance(HOUR)
    expect(transport.token()).toBeNull()
    auth.reportToken(null)
    await rest()
    expect(session.getState().status).toBe('connected')
  })
})

test('a sign-in after the source had no token for a long time resumes the session at once', async () => {
  const time = testTime()
  const { auth, account } = await testIdentity(time)
  const transport = testTransport()
  const { session } = await testSession(time, auth, transport)
  await auth.upgrade(() => account.signUp('ada'))
  await rest()
  expect(session.getState().status).toBe('connected')
  account.setSession(null)
  transport.connection().rejected('missing')
  await time.advance(HOUR)
  expect([session.getState().status, transport.token()]).toEqual(['paused', null])
  await auth.upgrade(() => account.signIn('ada'))
  await rest()
  expect(session.getState().status).toBe('connected')
})

describe('an update that the other side refuses', () => {
  test('is told to its caller and to onFault, and the token before stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
    })
    transport.answer = () => 'invalid'
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(kinds).toEqual([])
    expect(faults).toEqual([new Error('refused: invalid')])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    expect(nameOf(transport.token()!)).toBe('one')
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('by closing the connection leads back to the token before', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
    })
    transport.answer = (token) => (nameOf(token) === 'two' ? 'silence' : 'accept')
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await rest()
    transport.connection().rejected('UNAUTHORIZED')
    expect(await updated).toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(transport.calls).toEqual(['connect one', 'update two', 'disconnect paused', 'connect one'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    expect(kinds).toEqual([])
    expect(faults).toEqual([expect.objectContaining({ code: 'SESSION_TOKEN_REFUSED' })])
  })

  test('at the new connection of a transport that cannot replace leads back to the token before', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport(['update'])
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    transport.answer = (token) => (nameOf(token) === 'two' ? 'UNAUTHORIZED' : 'accept')
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    expect(transport.calls).toEqual([
      'connect one',
      'disconnect paused',
      'connect two',
      'disconnect paused',
      'connect one',
    ])
    expect(session.getState().status).toBe('connected')
  })

  test('when the handler made it is tried again later and later, and reported once the token before is refused too', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport(['update'])
    const { session, kinds, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    transport.answer = (token) => (nameOf(token) === 'one' ? 'accept' : 'UNAUTHORIZED')
    await time.advance(14 * MINUTE + 30 * SECOND)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
    expect(faults).toContainEqual(expect.objectContaining({ code: 'SESSION_TOKEN_REFUSED' }))
    expect(kinds).toEqual([])
    expect(source.asked()).toBeLessThan(10)
    transport.answer = () => 'UNAUTHORIZED'
    transport.connection().rejected('expired')
    await time.advance(HOUR)
    expect(kinds).toEqual(['UNAUTHORIZED'])
    expect(session.getState()).toMatchObject({ status: 'paused', failure: 'UNAUTHORIZED' })
    expect(source.asked()).toBeLessThan(60)
    transport.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('for other roles closes the session (checklist 19: ROLES_MISMATCH reaches a handler)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    transport.answer = () => 'silence'
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await rest()
    transport.connection().rejected('ROLES_MISMATCH')
    expect(await updated).toMatchObject({ code: 'ROLES_MISMATCH' })
    await time.advance(DAY)
    expect(session.getState()).toEqual({ status: 'closed', principal: 'ada', failure: 'ROLES_MISMATCH' })
    expect(kinds).toEqual(['ROLES_MISMATCH'])
    expect(transport.calls).toEqual(['connect one', 'update two', 'disconnect paused'])
  })

  test('without an answer is OFFLINE, and the token before stays', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    transport.update = async () => {
      throw new LatchkeyError('OFFLINE')
    }
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'OFFLINE' })
    transport.update = () => new Promise(() => {})
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
    const transport = testTransport()
    transport.answer = () => 'SCHEMA_MISMATCH'
    const { session, kinds } = await testSession(time, auth, transport)
    expect(kinds).toEqual(['SCHEMA_MISMATCH'])
    expect(session.getState()).toEqual({ status: 'closed', principal: principal(), failure: 'SCHEMA_MISMATCH' })
    expect(auth.getState().error).toBeUndefined()
    await time.advance(DAY)
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect paused'])
    transport.answer = () => 'accept'
    session.connect()
    await rest()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
  })
})

describe('a lost connection (checklist 20: sessions survive lost connections)', () => {
  test('is made again with the same token, later and later', async () => {
    const time = testTime()
    const source = testSource(time.clock, 'ada', 86_400)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    transport.answer = () => 'lose'
    transport.connection().lost()
    expect(session.getState().status).toBe('connecting')
    await time.advance(HOUR)
    expect(transport.calls.length).toBeGreaterThan(12)
    expect(transport.calls.length).toBeLessThan(40)
    expect(new Set(transport.calls)).toEqual(new Set(['connect one']))
    transport.answer = () => 'accept'
    await time.advance(5 * MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })

  test('whose token ended meanwhile is made with a fresh one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
    time.jump(HOUR)
    transport.connection().lost()
    await time.advance(2 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'connect two'])
  })

  test('is what any reason but a verdict means, such as unavailable', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, auth, transport)
    transport.connection().rejected('unavailable' as never)
    expect(session.getState()).toEqual({ status: 'connecting', principal: auth.getState().session?.principal })
    await time.advance(2 * SECOND)
    expect(session.getState().status).toBe('connected')
    expect(auth.getState().error).toBeUndefined()
    expect(kinds).toEqual([])
  })

  test('keeps the token that was on its way', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    transport.update = () => new Promise(() => {})
    const updated = session.update(source.next())
    await rest()
    transport.connection().lost()
    await updated
    await time.advance(2 * SECOND)
    expect(transport.calls).toEqual(['connect one', 'connect two'])
  })

  test('of a transport that throws is told apart from a verdict', async () => {
    const time = testTime()
    const transport = testTransport()
    const { connect } = transport
    transport.connect = () => {
      throw new Error('no socket')
    }
    const { session, faults, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    expect(faults).toEqual([new Error('no socket')])
    transport.connect = async () => {
      throw new Error('no socket either')
    }
    await time.advance(2 * SECOND)
    expect(faults).toHaveLength(2)
    transport.connect = connect
    await time.advance(MINUTE)
    expect(session.getState().status).toBe('connected')
    expect(kinds).toEqual([])
  })
})

test('a callback of the app that throws breaks nothing', async () => {
  const time = testTime()
  const transport = testTransport()
  const seen: unknown[] = []
  vi.stubGlobal('reportError', (error: unknown) => void seen.push(error))
  onTestFinished(() => void vi.unstubAllGlobals())
  const { session } = await testSession(time, await anonymousAuth(time), transport, {
    token: testSource(time.clock).next(),
    onSessionError: async () => {
      throw new Error('app bug')
    },
  })
  session.subscribe(() => {
    throw new Error('another')
  })
  transport.connection().rejected('SCHEMA_MISMATCH')
  await rest()
  expect(seen).toEqual([new Error('another'), new Error('app bug')])
  expect(session.getState().status).toBe('closed')
})
