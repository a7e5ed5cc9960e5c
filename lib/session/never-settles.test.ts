import { describe, expect, test } from 'vitest'
import {
  MINUTE,
  SECOND,
  anonymousAuth,
  rest,
  testSession,
  testSource,
  testTime,
  testTransport,
} from './session.testing.ts'
import type { SessionTransport } from './transport.ts'

const never = (): Promise<never> => new Promise(() => {})

/** A session with its own tokens on this transport. */
async function world(change: (transport: ReturnType<typeof testTransport>) => Partial<SessionTransport>) {
  const time = testTime()
  const transport = testTransport()
  const made = Object.assign(transport, change(transport))
  const source = testSource(time.clock)
  const { session, faults } = await testSession(time, await anonymousAuth(time), made, {
    refresh: { handler: source.handler },
  })
  return { time, transport: made, source, session, faults }
}

/** Whether a promise has settled by now. */
async function isSettled(work: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = (): void => void (settled = true)
  work.then(settle, settle)
  await rest()
  return settled
}

describe('a connect that never settles', () => {
  /** The first one hangs; the next ones are answered. */
  const hangsOnce = (transport: ReturnType<typeof testTransport>): Partial<SessionTransport> => {
    const connect = transport.connect.bind(transport)
    return {
      connect(token, connection) {
        if (transport.calls.length > 0) return connect(token, connection)
        transport.calls.push('connect and hang')
        return never()
      },
    }
  }

  test('is given up after half a minute: the transport disconnects, and the session connects again', async () => {
    const { time, transport, session, faults } = await world(hangsOnce)
    await time.advance(29 * SECOND)
    expect([transport.calls, faults]).toEqual([['connect and hang'], []])
    await time.advance(SECOND)
    expect(transport.calls).toEqual(['connect and hang', 'disconnect paused'])
    expect(faults).toEqual([expect.objectContaining({ code: 'OFFLINE' })])
    expect(session.getState().status).toBe('connecting')
    await time.advance(SECOND)
    expect(transport.calls).toEqual(['connect and hang', 'disconnect paused', 'connect one'])
    expect(session.getState().status).toBe('connected')
  })

  for (const [act, status] of [
    ['end', 'ended'],
    ['disconnect', 'waiting'],
  ] as const)
    test(`ends at once with ${act}(), and leaves no timer`, async () => {
      const { time, session, faults } = await world(hangsOnce)
      await session[act]()
      await rest()
      expect([session.getState().status, time.waiting(), faults]).toEqual([status, 0, []])
    })

  test('has no limit once the server accepted the token: a transport may return a promise of the whole connection', async () => {
    const { time, transport, session, faults } = await world((transport) => {
      const connect = transport.connect.bind(transport)
      return { connect: (token, connection) => (connect(token, connection), never()) }
    })
    await time.advance(MINUTE)
    expect([session.getState().status, transport.calls, faults]).toEqual(['connected', ['connect one'], []])
  })
})

describe('an update that never settles', () => {
  test('is not answered by another report of the connection, such as one with every message', async () => {
    const { transport, source, session } = await world(() => ({}))
    let refuse = (): void => {}
    transport.update = () => new Promise((_, reject) => (refuse = () => reject(new Error('refused'))))
    const updated = session.update(source.next())
    await rest()
    transport.connection().accepted()
    expect(await isSettled(updated)).toBe(false)
    refuse()
    await expect(updated).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    await session.end()
  })

  test('ends at once with end(), and leaves no timer', async () => {
    const { time, transport, source, session, faults } = await world(() => ({}))
    transport.answer = () => 'silence'
    const updated = session.update(source.next())
    await rest()
    expect(transport.calls.at(-1)).toBe('update two')
    await session.end()
    await expect(updated).rejects.toMatchObject({ code: 'SESSION_ENDED' })
    await rest()
    expect([session.getState().status, time.waiting(), faults]).toEqual(['ended', 0, []])
  })
})

describe('a clear that never settles', () => {
  async function clearing() {
    let finish = (): void => {}
    const given = await world((transport) => ({
      clear() {
        transport.calls.push('clear')
        return new Promise<void>((resolve) => (finish = resolve))
      },
    }))
    const { session, transport } = given
    await session.end()
    transport.calls.length = 0
    const cleared = session.clear()
    cleared.catch(() => {})
    await rest()
    return { ...given, cleared, finish: () => finish() }
  }

  test('is reported after half a minute, and keeps no caller waiting', async () => {
    const { time, session, transport, cleared } = await clearing()
    await time.advance(29 * SECOND)
    expect(await isSettled(cleared)).toBe(false)
    await time.advance(SECOND)
    expect(await isSettled(cleared)).toBe(true)
    await expect(cleared).rejects.toMatchObject({ code: 'OFFLINE' })
    const ended = session.end()
    await time.advance(5 * SECOND)
    expect(await isSettled(ended)).toBe(true)
    expect([transport.calls, session.getState().status, time.waiting()]).toEqual([['clear'], 'ended', 0])
  })

  test('delays the next connection until it is over: a late deletion removes no write of the next session', async () => {
    const { time, session, transport, cleared, finish } = await clearing()
    await session.start()
    await time.advance(MINUTE)
    expect(await isSettled(cleared)).toBe(true)
    await expect(cleared).rejects.toMatchObject({ code: 'OFFLINE' })
    expect([transport.calls, session.getState().status]).toEqual([['clear'], 'connecting'])
    finish()
    await rest()
    expect([transport.calls, session.getState().status]).toEqual([['clear', 'connect two'], 'connected'])
  })

  test('can be tried again, and the transport clears again once the first try is over', async () => {
    const { time, session, transport, cleared, finish } = await clearing()
    await time.advance(30 * SECOND)
    expect(await isSettled(cleared)).toBe(true)
    await expect(cleared).rejects.toMatchObject({ code: 'OFFLINE' })
    const again = session.clear()
    again.catch(() => {})
    finish()
    await rest()
    finish()
    expect(await again).toBeUndefined()
    expect(transport.calls).toEqual(['clear', 'clear'])
  })
})
