import { describe, expect, test } from 'vitest'
import type { ConnectedSession } from './connected-session.ts'
import {
  HOUR,
  anonymousAuth,
  rest,
  testSession,
  testSource,
  testTime,
  testTransport,
  type TestTransport,
} from './session.testing.ts'

/** What an app does on each change that its provider reports, as with Clerk's `getToken`. */
async function follow(session: ConnectedSession, token: string | null): Promise<void> {
  if (token === null) await session.end()
  else await session.start(token)
  await rest()
}

/** A session that got its first token from the provider, and refreshes by it. */
async function signedIn(transport: TestTransport = testTransport()) {
  const time = testTime()
  const source = testSource(time.clock)
  const { session } = await testSession(time, await anonymousAuth(time), transport, {
    autoStart: false,
    refresh: source,
  })
  const first = source.next()
  await follow(session, first)
  return { time, source, session, first, transport }
}

describe("a provider's token (checklist 23: a changed token restarts the session, an unchanged one does not, a null one ends it)", () => {
  test('that is unchanged changes nothing', async () => {
    const { session, first, transport } = await signedIn()
    const state = session.getState()
    await follow(session, first)
    expect(transport.calls).toEqual(['connect one'])
    expect(session.getState()).toBe(state)
  })

  test('that changed, of the same user, replaces the previous one on the open connection', async () => {
    const { session, source, transport } = await signedIn()
    await follow(session, source.next())
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('that changed, of the same user, reconnects where the transport cannot replace one', async () => {
    const { session, source, transport } = await signedIn(testTransport(['update']))
    await follow(session, source.next())
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test("that changed to another user's ends the session, and starts that user's", async () => {
    const { session, source, transport } = await signedIn()
    await follow(session, source.next({ sub: 'bob' }))
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' })
  })

  test('that is null ends the session and its refreshing, and keeps local data', async () => {
    const { session, source, transport, time } = await signedIn()
    await follow(session, null)
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    await time.advance(HOUR)
    expect(source.asked()).toBe(0)
    expect(time.waiting()).toBe(0)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
  })

  test('that comes after null starts the next session', async () => {
    const { session, source, transport } = await signedIn()
    await follow(session, null)
    await follow(session, source.next())
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })
})
