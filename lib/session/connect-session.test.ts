import { expect, test, describe, vi } from 'vitest'
import { connectSession } from './connect-session.ts'
import {
  HOUR,
  MINUTE,
  SECOND,
  anonymousAuth,
  jwt,
  rest,
  testIdentity,
  testSession,
  testTransport,
  testSource,
  testTime,
} from './session.testing.ts'

describe('a session starts (checklist 15: from a token at construction or later; a client may start without one)', () => {
  test('by itself, with the token of the current identity', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    expect(transport.calls).toEqual([`connect of ${principal()}`])
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(transport.connection().principal).toBe(principal())
  })

  test('from a token at construction', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    expect(transport.calls).toEqual(['connect one'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('from a token later: a client may start without one', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport)
    expect(session.getState()).toEqual({ status: 'waiting', principal: null })
    expect(transport.calls).toEqual([])
    await session.start(testSource(time.clock).next())
    expect(transport.calls).toEqual(['connect one'])
  })

  test('not before start(), with autoStart false', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport, { autoStart: false })
    expect(session.getState()).toEqual({ status: 'idle', principal: null })
    await session.start()
    await rest()
    expect(session.getState().status).toBe('connected')
  })

  test('with the first token from the refresh handler, where there is one (checklist 17: also from the constructor)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    expect(transport.calls).toEqual(['connect one'])
  })

  test('touches nothing while it is constructed', () => {
    const ready = new Promise<void>(() => {})
    const auth = {
      ready,
      getState: vi.fn(),
      subscribe: vi.fn(),
      getToken: vi.fn(),
      reportToken: vi.fn(),
    }
    const transport = { connect: vi.fn(), disconnect: vi.fn() }
    const timer = { set: vi.fn(), clear: vi.fn() }
    connectSession(auth, { keeps: 'nothing', ...transport }, { timer })
    for (const called of [...Object.values(transport), ...Object.values(timer), auth.subscribe, auth.getToken])
      expect(called).not.toHaveBeenCalled()
  })
})

describe('autoConnect false (checklist 16: waits for connect())', () => {
  test('waits for connect(), and lets the transport know the token', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
      autoConnect: false,
    })
    expect(transport.calls).toEqual(['hold one'])
    expect(session.getState().status).toBe('waiting')
    session.connect()
    expect(transport.calls).toEqual(['hold one', 'connect one'])
    expect(session.getState().status).toBe('connected')
  })

  test('refreshes first when connect() comes late', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      autoConnect: false,
      refresh: source,
    })
    await time.advance(HOUR)
    expect(source.asked()).toBe(0)
    session.connect()
    await rest()
    expect(transport.calls).toEqual(['hold one', 'connect two'])
  })

  test('can be said to start() too', async () => {
    const time = testTime()
    const transport = testTransport(['hold'])
    const { session } = await testSession(time, await anonymousAuth(time), transport, { autoStart: false })
    await session.start(testSource(time.clock).next(), { autoConnect: false })
    expect(transport.calls).toEqual([])
    session.connect()
    expect(transport.calls).toEqual(['connect one'])
  })

  test('counts a connect() that came before the start', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const transport = testTransport()
    const session = connectSession(auth, transport, { autoConnect: false, clock: time.clock, timer: time.timer })
    session.connect()
    await session.ready
    await rest()
    expect(session.getState().status).toBe('connected')
  })

  test('counts a disconnect() that came before the start, until connect()', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const transport = testTransport(['hold'])
    const session = connectSession(auth, transport, { clock: time.clock, timer: time.timer })
    session.disconnect()
    await session.ready
    await time.advance(HOUR)
    expect(transport.calls).toEqual([])
    session.connect()
    await rest()
    expect(session.getState().status).toBe('connected')
  })

  test('counts a connect() after a disconnect() that came before the start', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const session = connectSession(auth, testTransport(), { clock: time.clock, timer: time.timer })
    session.disconnect()
    session.connect()
    await session.ready
    await rest()
    expect(session.getState().status).toBe('connected')
  })

  test('disconnect() lets nothing out until connect()', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    session.disconnect()
    await time.advance(HOUR)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(source.asked()).toBe(1)
    session.connect()
    await rest()
    expect(transport.calls.slice(2)).toEqual(['connect two'])
  })
})

describe('the same session started again', () => {
  test('with the same token is no restart', async () => {
    const time = testTime()
    const token = testSource(time.clock).next()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token })
    await session.start(token)
    await session.start()
    expect(transport.calls).toEqual(['connect one'])
  })

  test('with a changed token takes it live', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    await session.start(source.next())
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('with a changed token restarts, where the transport cannot replace one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport(['update'])
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    await session.start(source.next())
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test('with other roles is a new session', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next({ role: 'reader' }),
    })
    await session.start(source.next({ role: 'editor' }))
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
  })
})

test('guest and user are separate sessions on one transport (checklist 21: guest and user)', async () => {
  const time = testTime()
  const [guest, user] = [testSource(time.clock, 'guest'), testSource(time.clock, 'ada')]
  const transport = testTransport()
  const { session } = await testSession(time, await anonymousAuth(time), transport, {
    token: guest.next({ jti: 'guest' }),
  })
  await session.start(user.next({ jti: 'user' }))
  expect(session.getState().principal).toBe('ada')
  await session.end()
  await session.start(guest.next({ jti: 'guest again' }))
  expect(transport.calls).toEqual([
    'connect guest',
    'disconnect ended',
    'connect user',
    'disconnect ended',
    'connect guest again',
  ])
})

describe('update', () => {
  test('accepts a fresh token of the same principal live (checklist 11: refreshes the same principal live) (checklist 18: a manual token update works)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    await session.update(source.next())
    expect(transport.calls).toEqual(['connect one', 'update two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('with the same token does nothing', async () => {
    const time = testTime()
    const token = testSource(time.clock).next()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token })
    await session.update(token)
    expect(transport.calls).toEqual(['connect one'])
  })

  test('refuses null, and changes nothing (checklist 11: null is refused)', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    const state = session.getState()
    await expect(session.update(null)).rejects.toMatchObject({ code: 'SESSION_TOKEN_MISSING' })
    await expect(session.start(null)).rejects.toMatchObject({ code: 'SESSION_TOKEN_MISSING' })
    expect(session.getState()).toBe(state)
    expect(transport.calls).toEqual(['connect one'])
  })

  test('refuses another principal, and changes nothing (checklist 11: another principal is refused)', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    const state = session.getState()
    await expect(session.update(testSource(time.clock, 'eve').next())).rejects.toMatchObject({
      code: 'PRINCIPAL_MISMATCH',
    })
    expect(session.getState()).toBe(state)
    expect(transport.calls).toEqual(['connect one'])
    expect(kinds).toEqual([])
  })

  test('of other roles closes the session with ROLES_MISMATCH (checklist 18: other roles close with ROLES_MISMATCH)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next({ roles: ['reader'] }),
      refresh: source,
    })
    await expect(session.update(source.next({ roles: ['reader', 'editor'] }))).rejects.toMatchObject({
      code: 'ROLES_MISMATCH',
    })
    expect(transport.calls).toEqual(['connect one', 'disconnect paused'])
    expect(session.getState()).toEqual({ status: 'closed', principal: 'ada', failure: 'ROLES_MISMATCH' })
    expect(kinds).toEqual(['ROLES_MISMATCH'])
    await time.advance(HOUR)
    expect(source.asked()).toBe(0)
  })

  test('knows the same roles in another order', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next({ roles: ['a', 'b'] }),
    })
    await session.update(source.next({ roles: ['b', 'a'] }))
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('compares what readRoles gives', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(), {
      token: source.next({ org: { id: 1, tier: 'a' } }),
      readRoles: ({ org }) => org,
    })
    await session.update(source.next({ org: { tier: 'a', id: 1 }, roles: ['anything'] }))
    await expect(session.update(source.next({ org: { id: 2, tier: 'a' } }))).rejects.toMatchObject({
      code: 'ROLES_MISMATCH',
    })
  })

  test('without a connection is kept for the next one', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      autoConnect: false,
    })
    await session.update(source.next())
    session.connect()
    expect(transport.calls).toEqual(['hold one', 'hold two', 'connect two'])
  })

  test('needs a session', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(), { autoStart: false })
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_ENDED' })
    await session.start(source.next())
    await session.end()
    await expect(session.update(source.next())).rejects.toMatchObject({ code: 'SESSION_ENDED' })
  })

  test('that still waits when the session ends is answered', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    transport.answer = () => 'silence'
    const updated = session.update(source.next()).catch((error: unknown) => error)
    await session.end()
    expect(await updated).toMatchObject({ code: 'SESSION_ENDED' })
  })
})

describe('a token that is none', () => {
  const TOKENS: Record<string, [string, string]> = {
    'two parts': ['a.b', 'TOKEN_MALFORMED'],
    'no base64url': ['a.b!.c', 'TOKEN_ENCODING_INVALID'],
    'no JSON': ['YQ.YQ.YQ', 'TOKEN_MALFORMED'],
    nothing: ['', 'TOKEN_MALFORMED'],
    'one that is too large': [jwt({ sub: 'x'.repeat(17_000) }), 'TOKEN_TOO_LARGE'],
    'no subject': [jwt({ exp: 1 }), 'TOKEN_CLAIM_INVALID'],
    'an empty subject': [jwt({ sub: '' }), 'TOKEN_CLAIM_INVALID'],
    'a time that is text': [jwt({ sub: 'ada', iat: 1, exp: '2' }), 'TOKEN_TIME_INVALID'],
    'an end before its beginning': [jwt({ sub: 'ada', iat: 2, exp: 1 }), 'TOKEN_LIFETIME_EXCEEDED'],
  }

  test.each(Object.entries(TOKENS))('%s is refused by name, and nothing changes', async (_, [token, code]) => {
    const time = testTime()
    const transport = testTransport()
    const auth = await anonymousAuth(time)
    const { session } = await testSession(time, auth, transport, { token: testSource(time.clock).next() })
    const state = session.getState()
    await expect(session.update(token)).rejects.toMatchObject({ code })
    await expect(session.start(token)).rejects.toMatchObject({ code })
    expect(() => connectSession(auth, transport, { token })).toThrow(expect.objectContaining({ code }))
    expect(session.getState()).toBe(state)
    expect(transport.calls).toEqual(['connect one'])
  })

  test('is not repeated in the message', async () => {
    const time = testTime()
    const { session } = await testSession(time, await anonymousAuth(time), testTransport())
    const token = 'c2VjcmV0.c2VjcmV0IQ.!'
    const error = await session.start(token).catch((thrown: unknown) => thrown)
    expect(String(error)).not.toContain('c2VjcmV0')
  })

  test('of another principal than the current identity never starts', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const eve = testSource(time.clock, 'eve').next()
    const { session, kinds, faults } = await testSession(time, auth, transport, { token: eve })
    expect(transport.calls).toEqual([])
    expect(kinds).toEqual([])
    expect(faults).toEqual([expect.objectContaining({ code: 'PRINCIPAL_MISMATCH' })])
    expect(session.getState()).toEqual({ status: 'idle', principal: null })
    await session.start()
    await rest()
    await expect(session.start(eve)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(transport.calls).toEqual([`connect of ${principal()}`])
  })

  test("can carry a sync engine's own claims, and name its principal by another one (checklist 22: a sync engine's own claims)", async () => {
    const time = testTime()
    const transport = testTransport()
    const token = jwt({ jti: 'anon', 'x-triplit-project-id': 'p', 'x-triplit-token-type': 'anon' })
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token,
      readPrincipal: ({ sub = 'guest' }) => sub,
    })
    expect(session.getState()).toEqual({ status: 'connected', principal: 'guest' })
  })
})

describe('end', () => {
  test('stops traffic and refreshing, and keeps local data (checklist 15: endSession stops refreshing and keeps local data)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    await session.end()
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    await time.advance(24 * HOUR)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
    expect(source.asked()).toBe(1)
    expect(time.waiting()).toBe(0)
  })

  test('clear empties it, and only clear does (checklist 15: clear empties it)', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    await session.end()
    await session.clear()
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'clear'])
  })

  test.each(['accept', 'silence'] as const)(
    'clear of a running session takes its connection (%s), and syncs again once the data is deleted',
    async (answer) => {
      const time = testTime()
      const transport = testTransport()
      transport.answer = () => answer
      let finish = (): void => {}
      transport.clear = () => (transport.calls.push('clear'), new Promise<void>((resolve) => (finish = resolve)))
      const { session } = await testSession(time, await anonymousAuth(time), transport, {
        token: testSource(time.clock).next(),
      })
      const cleared = session.clear()
      await time.advance(SECOND)
      expect(session.getState().status).toBe('connecting')
      expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'clear'])
      transport.answer = () => 'accept'
      finish()
      await cleared
      await rest()
      expect(session.getState().status).toBe('connected')
      expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'clear', 'connect one'])
    },
  )

  test('clear of a session that was disconnected does not connect it', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    session.disconnect()
    await session.clear()
    await time.advance(MINUTE)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'clear'])
  })

  test('waits for the transport to let go, and so does the next connection', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, { token: source.next() })
    let release = (): void => {}
    transport.disconnect = (reason) => (
      transport.calls.push(`disconnect ${reason}`),
      new Promise<void>((resolve) => (release = resolve))
    )
    const ended = vi.fn()
    void session.end().then(ended)
    await session.start(source.next())
    await rest()
    expect(ended).not.toHaveBeenCalled()
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
    release()
    await rest()
    expect(ended).toHaveBeenCalled()
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
  })

  test('does not wait for ever', async () => {
    const time = testTime()
    const transport = testTransport()
    const { session, faults } = await testSession(time, await anonymousAuth(time), transport, {
      token: testSource(time.clock).next(),
    })
    transport.disconnect = () => new Promise(() => {})
    const ended = vi.fn()
    void session.end().then(ended)
    await time.advance(MINUTE)
    expect(ended).toHaveBeenCalled()
    expect(faults).toHaveLength(1)
  })

  test('inside onSessionError stops everything at once (checklist 19: the handler may end the session)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      async onSessionError(kind, session) {
        if (kind !== 'UNAUTHORIZED') return
        await session.end()
        await session.clear()
      },
    })
    transport.connection().rejected('UNAUTHORIZED')
    await time.advance(HOUR)
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'disconnect ended', 'clear'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
  })

  test.each(['UNAUTHORIZED', 'TOKEN_EXPIRED', 'ROLES_MISMATCH', 'SCHEMA_MISMATCH'] as const)(
    'inside onSessionError, which gets %s, ends the session and clears, also if nothing awaits it (checklist 19: each kind reaches a handler, which may end the session and clear)',
    async (reason) => {
      const time = testTime()
      const source = testSource(time.clock)
      const transport = testTransport()
      const { session, kinds } = await testSession(time, await anonymousAuth(time), transport, {
        token: source.next(),
        onSessionError(_, session) {
          void session.end()
          void session.clear()
        },
      })
      transport.connection().rejected(reason)
      await time.advance(HOUR)
      expect(kinds).toEqual([reason])
      expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'disconnect ended', 'clear'])
      expect(session.getState()).toEqual({ status: 'ended', principal: null })
      expect(time.waiting()).toBe(0)
    },
  )

  test('inside a listener of auth stops everything at once', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const asked = vi.spyOn(auth, 'getToken')
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    auth.subscribe(() => void session.end())
    asked.mockClear()
    transport.connection().rejected('expired')
    await time.advance(HOUR)
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect paused', 'disconnect ended'])
    expect(asked).not.toHaveBeenCalled()
  })

  test('while a refresh is pending discards its result (checklist 17: refreshing stops at the end of the session)', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    let answer: (token: string) => void = () => {}
    source.answer = () => new Promise((resolve) => (answer = resolve))
    const { session } = await testSession(time, await anonymousAuth(time), transport, { refresh: source })
    await session.end()
    answer(source.next())
    await rest()
    expect(transport.calls).toEqual([])
  })

  test('before the start was through is the last word', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const transport = testTransport()
    const session = connectSession(auth, transport, { clock: time.clock, timer: time.timer })
    await session.end()
    await session.ready
    await rest()
    expect(transport.calls).toEqual([])
    expect(session.getState().status).toBe('ended')
  })
})

describe('the state', () => {
  test('is frozen, and the same reference until a field changes', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(), { refresh: source })
    const state = session.getState()
    expect(Object.isFrozen(state)).toBe(true)
    await time.advance(HOUR)
    expect(source.asked()).toBeGreaterThan(3)
    expect(session.getState()).toBe(state)
  })

  test('notifies subscribers of each change, until they unsubscribe', async () => {
    const time = testTime()
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(), { autoStart: false })
    const listener = vi.fn()
    const leave = session.subscribe(listener)
    await session.start(testSource(time.clock).next())
    expect(listener.mock.calls).toEqual([[session.getState()]])
    leave()
    await session.end()
    expect(listener).toHaveBeenCalledTimes(1)
  })
})

describe('an invalid option is a TypeError', () => {
  test('an interval under a second, a handler that is none', async () => {
    const auth = await anonymousAuth(testTime())
    expect(() => connectSession(auth, testTransport(), { refresh: { interval: 999 } })).toThrow(TypeError)
    expect(() => connectSession(auth, testTransport(), { refresh: { interval: Number.NaN } })).toThrow(TypeError)
    expect(() => connectSession(auth, testTransport(), { refresh: { handler: 'x' as never } })).toThrow(TypeError)
  })

  test('a transport that does not say whether it keeps data', async () => {
    const auth = await anonymousAuth(testTime())
    const { keeps: _, ...silent } = testTransport()
    expect(() => connectSession(auth, silent as never)).toThrow(/keeps/)
    expect(() => connectSession(auth, { ...silent, keeps: 'rows' as never })).toThrow(TypeError)
    expect(() => connectSession(auth, { ...silent, keeps: 'nothing' })).toThrow(/clear/)
  })

  test('clear on a transport that cannot', async () => {
    const time = testTime()
    const { session } = await testSession(time, await anonymousAuth(time), testTransport(['clear']))
    await expect(session.clear()).rejects.toBeInstanceOf(TypeError)
  })
})
