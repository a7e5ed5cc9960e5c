import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { DAY, MINUTE, SECOND, type TestTime, rest, testTime } from '../../session/session.testing.ts'
import { APP, NOW } from '../../tokens/forge.testing.ts'
import { deferred } from '../framework.testing.ts'
import { type TestIssuer, startIssuer } from '../external/issuer.testing.ts'
import { createSessionResolver } from '../resolver.ts'
import type { ServerSession, SessionResolver } from '../types.ts'
import { ANONYMOUS } from '../session.ts'
import { type SocketSession, type SocketSessionOptions, createSocketSession } from './socket-session.ts'

let issuer: TestIssuer
let time: TestTime
let resolver: SessionResolver
let closed: [code: number, reason: string][]

beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())
beforeEach(() => {
  time = testTime(NOW * SECOND)
  resolver = createSessionResolver({
    clock: time.clock,
    external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: APP },
  })
  closed = []
})

function tokenOf(sub: string, claims: object = {}, minutes = 5): Promise<string> {
  const now = time.clock() / SECOND
  return issuer.sign({ sub, iat: now, exp: now + minutes * 60, ...claims })
}

async function sessionOf(token: string): Promise<ServerSession> {
  const found = await resolver.resolve({ headers: { authorization: `Bearer ${token}` } })
  if (!found.ok) throw new Error(found.reason)
  return found.session
}

function watch(session: ServerSession, options: SocketSessionOptions = {}): SocketSession {
  return createSocketSession(
    resolver,
    session,
    { close: (code, reason) => void closed.push([code, reason]) },
    { clock: time.clock, timer: time.timer, ...options },
  )
}

test('a fresh token is read by a resolver that takes tokens from another header', async () => {
  resolver = createSessionResolver({
    clock: time.clock,
    external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: APP },
    tokenHeader: 'x-notes-authorization',
  })
  const token = await tokenOf('ada')
  const found = await resolver.resolve({ 'x-notes-authorization': `Bearer ${token}` })
  const socket = watch((found as { session: ServerSession }).session)
  expect(await socket.refresh(await tokenOf('ada', {}, 9))).toBe('accepted')
})

describe('the end of a token', () => {
  test('closes the socket with 4401 and the reason, and not a moment before', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada')))
    await time.advance(5 * MINUTE - 1)
    expect([socket.current.principal, closed]).toEqual(['ada', []])
    await time.advance(1)
    expect([socket.current, closed]).toEqual([ANONYMOUS, [[4401, 'expired']]])
    await time.advance(DAY)
    expect([closed.length, time.waiting()]).toEqual([1, 0])
  })

  test('is waited for beyond 2^31 milliseconds, which no timer can', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada', {}, 60 * 24 * 60)))
    expect(Math.max(...time.delays)).toBeLessThan(2 ** 31)
    await time.advance(60 * DAY - 1)
    expect([socket.current.principal, closed]).toEqual(['ada', []])
    await time.advance(1)
    expect(closed).toEqual([[4401, 'expired']])
  })

  test('counts by the clock also where the timer is late', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada')))
    time.jump(5 * MINUTE)
    expect([socket.current, closed]).toEqual([ANONYMOUS, [[4401, 'expired']]])
  })

  test('that has passed already closes at once', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    time.jump(5 * MINUTE)
    expect([watch(session).current, closed]).toEqual([ANONYMOUS, [[4401, 'expired']]])
  })

  test('is none where a session has none, but for `longest`', async () => {
    const session: ServerSession = { authMode: 'external', principal: 'ada', principals: ['ada'], claims: {} }
    const endless = watch(session)
    const short = watch(session, { longest: MINUTE })
    await time.advance(MINUTE)
    expect([endless.current.principal, short.current.principal, closed]).toEqual(['ada', null, [[4401, 'expired']]])
  })

  test('is sooner with `longest`', async () => {
    watch(await sessionOf(await tokenOf('ada')), { longest: MINUTE })
    await time.advance(MINUTE)
    expect(closed).toEqual([[4401, 'expired']])
  })

  test('is nothing to a socket that is closed', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada')))
    socket.end()
    expect([socket.current, time.waiting()]).toEqual([ANONYMOUS, 0])
    await time.advance(DAY)
    expect(closed).toEqual([])
  })

  test('is nothing to an anonymous socket', async () => {
    watch(ANONYMOUS, { longest: MINUTE })
    await time.advance(DAY)
    expect(closed).toEqual([])
  })

  test.each([Number.NaN, -1])('of %d has passed', (exp) => {
    watch({ authMode: 'external', principal: 'ada', principals: ['ada'], claims: { exp } })
    expect(closed).toEqual([[4401, 'expired']])
  })
})

describe('a fresh token', () => {
  test('goes on with the socket', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada')))
    await time.advance(4 * MINUTE)
    const token = await tokenOf('ada', { email: 'ada@notes.example' })
    expect(await socket.refresh(token)).toBe('accepted')
    await time.advance(4 * MINUTE)
    expect([socket.current.claims['email'], closed]).toEqual(['ada@notes.example', []])
    await time.advance(MINUTE)
    expect(closed).toEqual([[4401, 'expired']])
  })

  test('gives an anonymous socket its first principal, and then no other one', async () => {
    const socket = watch(ANONYMOUS)
    expect(await socket.refresh(await tokenOf('ada', { role: 'editor' }))).toBe('accepted')
    expect(socket.current.principal).toBe('ada')
    expect(await socket.refresh(await tokenOf('bob', { role: 'editor' }))).toBe('refused')
    expect([socket.current, closed]).toEqual([ANONYMOUS, [[4401, 'invalid']]])
  })

  test.each<[string, () => Promise<unknown>, string]>([
    ['of another principal', () => tokenOf('bob'), 'invalid'],
    ['with another role', () => tokenOf('ada', { role: 'admin' }), 'ROLES_MISMATCH'],
    ['that has ended', () => tokenOf('ada', {}, -1), 'expired'],
    ['of another audience', () => tokenOf('ada', { aud: 'https://other.example' }), 'invalid'],
    ['that is none', async () => 'a b', 'invalid'],
    ['that is empty', async () => '', 'invalid'],
    ['with a line break', async () => `${await tokenOf('ada')}\r\nx: y`, 'invalid'],
    ['that is no text', async () => [await tokenOf('ada')], 'invalid'],
    ['that is not there', async () => undefined, 'invalid'],
  ])('%s closes the socket', async (_, make, reason) => {
    const socket = watch(await sessionOf(await tokenOf('ada')))
    expect(await socket.refresh(await make())).toBe('refused')
    expect([socket.current, closed, time.waiting()]).toEqual([ANONYMOUS, [[4401, reason]], 0])
    expect(await socket.refresh(await tokenOf('ada'))).toBe('refused')
    expect([socket.current, closed.length]).toEqual([ANONYMOUS, 1])
  })

  test('is compared by the roles of the app', async () => {
    const roles = { editor: { match: { org: { role: 'editor' } } } }
    const socket = watch(await sessionOf(await tokenOf('ada', { role: 'a', org: { role: 'editor' } })), { roles })
    expect(await socket.refresh(await tokenOf('ada', { role: 'b', org: { role: 'editor' } }))).toBe('accepted')
    expect(await socket.refresh(await tokenOf('ada', { role: 'b', org: { role: 'reader' } }))).toBe('refused')
    expect(closed).toEqual([[4401, 'ROLES_MISMATCH']])
  })

  test('changes nothing while the keys cannot be had', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    const token = await tokenOf('ada')
    resolver = createSessionResolver({
      clock: time.clock,
      external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: APP },
    })
    issuer.answerWith((_, response) => void response.writeHead(500).end())
    const socket = watch(session)
    expect(await socket.refresh(token)).toBe('unavailable')
    expect([socket.current.principal, closed]).toEqual(['ada', []])
    issuer.answerWith()
    await time.advance(5 * MINUTE)
    expect(closed).toEqual([[4401, 'expired']])
  })

  test('changes nothing where a lookup throws, and the operator hears it', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const session = await sessionOf(await tokenOf('ada'))
    resolver = { resolve: () => Promise.reject(new Error('down')) }
    const socket = watch(session, { onError })
    expect(await socket.refresh('x')).toBe('unavailable')
    expect([socket.current.principal, closed, onError.mock.calls]).toEqual(['ada', [], [[new Error('down')]]])
  })
})

describe('the check of a fresh token', () => {
  test('has the next session, while the current one still counts', async () => {
    const seen: unknown[] = []
    const session = await sessionOf(await tokenOf('ada', { n: 1 }))
    const socket = watch(session, { check: ({ claims }) => seen.push(claims['n'], socket.current.claims['n']) })
    expect(await socket.refresh(await tokenOf('ada', { n: 2 }))).toBe('accepted')
    expect([seen, socket.current.claims['n']]).toEqual([[2, 1], 2])
  })

  test('sees no token of another user or with other roles', async () => {
    const check = vi.fn()
    const socket = watch(await sessionOf(await tokenOf('ada')), { check })
    expect(await socket.refresh(await tokenOf('bob'))).toBe('refused')
    expect(check).not.toHaveBeenCalled()
  })

  test.each([
    ['fails', () => Promise.reject(new Error('down')), [[new Error('down')]]],
    ['fails by name', () => Promise.reject(new LatchkeyError('KEYS_UNAVAILABLE')), [[expect.any(LatchkeyError)]]],
    ['never ends', () => new Promise(() => {}), []],
  ])('that %s leaves the token before in use until it expires', async (_, check, faults) => {
    const onError = vi.fn<(error: unknown) => void>()
    const socket = watch(await sessionOf(await tokenOf('ada', { n: 1 })), { check, onError })
    await time.advance(4 * MINUTE)
    const outcome = socket.refresh(await tokenOf('ada', { n: 2 }))
    await rest()
    if (faults.length > 0) expect(await outcome).toBe('unavailable')
    expect([socket.current.claims['n'], closed, onError.mock.calls]).toEqual([1, [], faults])
    await time.advance(MINUTE)
    expect([socket.current, closed]).toEqual([ANONYMOUS, [[4401, 'expired']]])
  })

  test('may end the socket: the session never counts', async () => {
    const socket = watch(await sessionOf(await tokenOf('ada')), { check: () => socket.end() })
    expect(await socket.refresh(await tokenOf('ada', { n: 2 }))).toBe('refused')
    expect([socket.current, time.waiting()]).toEqual([ANONYMOUS, 0])
  })
})

describe('a socket that a backend opened for a user', () => {
  test("ignores tokens: a valid one, another user's and an invalid one (checklist 12: backend-scoped sessions ignore token updates)", async () => {
    const session: ServerSession = { authMode: 'external', principal: 'ada', principals: ['ada'], claims: {} }
    const socket = watch(session, { source: 'backend', longest: MINUTE })
    for (const token of [await tokenOf('ada', { role: 'admin' }), await tokenOf('eve'), 'no token', null])
      expect(await socket.refresh(token)).toBe('ignored')
    expect([socket.current, closed]).toEqual([session, []])
    await time.advance(MINUTE)
    expect([await socket.refresh(await tokenOf('ada')), socket.current, closed]).toEqual([
      'refused',
      ANONYMOUS,
      [[4401, 'expired']],
    ])
  })
})

describe('tokens that are judged slowly', () => {
  let release: ReturnType<typeof deferred>
  let asked: number
  function slow(): void {
    const quick = resolver
    release = deferred()
    asked = 0
    resolver = { resolve: async (request) => (asked++, await release.promise, quick.resolve(request)) }
  }

  test('are judged in the order in which they came', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    slow()
    const socket = watch(session)
    const outcomes = [socket.refresh(await tokenOf('ada', { n: 1 })), socket.refresh(await tokenOf('ada', { n: 2 }))]
    await rest()
    expect(asked).toBe(1)
    release.resolve()
    expect(await Promise.all(outcomes)).toEqual(['accepted', 'accepted'])
    expect(socket.current.claims['n']).toBe(2)
  })

  test('do not bring back a socket that was closed meanwhile', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    slow()
    const socket = watch(session)
    const outcome = socket.refresh(await tokenOf('ada'))
    await rest()
    socket.end()
    release.resolve()
    expect(await outcome).toBe('refused')
    expect([socket.current, closed, time.waiting()]).toEqual([ANONYMOUS, [], 0])
  })

  test('have no outcome but a refusal once the socket was closed', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    issuer.answerWith((_, response) => void response.writeHead(500).end())
    resolver = createSessionResolver({
      clock: time.clock,
      external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: APP },
    })
    slow()
    const socket = watch(session)
    const outcome = socket.refresh(await tokenOf('ada'))
    await rest()
    socket.end()
    release.resolve()
    expect(await outcome).toBe('refused')
    issuer.answerWith()
  })

  test('do not bring back a session that ended meanwhile', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    const fresh = await tokenOf('ada', {}, 60)
    slow()
    const socket = watch(session)
    const outcome = socket.refresh(fresh)
    await rest()
    time.jump(5 * MINUTE)
    release.resolve()
    expect(await outcome).toBe('refused')
    expect([socket.current, closed]).toEqual([ANONYMOUS, [[4401, 'expired']]])
  })

  test('wait in a queue of four, and a fifth closes the socket', async () => {
    const token = await tokenOf('ada')
    const session = await sessionOf(token)
    slow()
    const four = watch(session)
    const outcomes = Array.from({ length: 4 }, () => four.refresh(token))
    await rest()
    expect(closed).toEqual([])
    void four.refresh(token)
    expect(closed).toEqual([[1008, 'too many tokens']])
    release.resolve()
    await Promise.all(outcomes)
  })

  test('are no way to fill the memory', async () => {
    const session = await sessionOf(await tokenOf('ada'))
    slow()
    const socket = watch(session)
    const first = socket.refresh('x')
    await rest()
    const outcomes = [first, ...Array.from({ length: 1000 }, () => socket.refresh('x'))]
    release.resolve()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['refused']))
    expect([asked, closed]).toEqual([1, [[1008, 'too many tokens']]])
  })
})

test.each([0, -1, Number.NaN, 'x'])('longest: %o is a mistake', (longest) => {
  expect(() => watch(ANONYMOUS, { longest: longest as never })).toThrow(TypeError)
})
