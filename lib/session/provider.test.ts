import { describe, expect, test } from 'vitest'
import {
  DAY,
  MINUTE,
  anonymousAuth,
  testSession,
  testSource,
  testTime,
  testTransport,
  type TestTransport,
} from './session.testing.ts'

/** A session of Ada whose handler returns what the provider says, as with Clerk's `getToken`. */
async function signedIn(transport: TestTransport = testTransport()) {
  const time = testTime()
  const source = testSource(time.clock)
  const first = source.next()
  source.answer = () => first
  const { session } = await testSession(time, await anonymousAuth(time), transport, {
    refresh: source,
    beforeRestart: (_, restarted) => restarted.clear(),
  })
  /** The provider says this from now on, and the session asks at its next refresh. */
  const provide = async (token: string | null): Promise<void> => {
    source.answer = () => token
    await time.advance(15 * MINUTE)
  }
  return { time, source, session, first, transport, provide }
}

describe("a provider's token (checklist 23: a changed token restarts the session, an unchanged one does not, a null one ends it)", () => {
  test('that is unchanged changes nothing', async () => {
    const { session, first, transport, provide } = await signedIn()
    const state = session.getState()
    await provide(first)
    await session.start(first)
    expect(transport.calls).toEqual(['connect one'])
    expect(session.getState()).toBe(state)
  })

  test('that changed, of the same user, replaces the previous one on the open connection', async () => {
    const { source, transport, provide } = await signedIn()
    await provide(source.next())
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('that changed, of the same user, restarts where the transport cannot replace one', async () => {
    const { source, transport, provide } = await signedIn(testTransport(['update']))
    await provide(source.next())
    expect(transport.calls).toEqual(['connect one', 'disconnect paused', 'connect two'])
  })

  test("that changed to another user's ends the session, and starts that user's", async () => {
    const { session, source, transport, provide } = await signedIn()
    await provide(source.next({ sub: 'bob' }))
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'clear', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' })
  })

  test('that is null ends the session and its refreshing, and keeps local data', async () => {
    const { session, source, transport, time, provide } = await signedIn()
    await provide(null)
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    const asked = source.asked()
    await time.advance(DAY)
    expect(source.asked()).toBe(asked)
    expect(time.waiting()).toBe(0)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
  })

  test('that comes after null starts the next session', async () => {
    const { session, source, transport, provide } = await signedIn()
    await provide(null)
    await session.start(source.next())
    expect(transport.calls).toEqual(['connect one', 'disconnect ended', 'connect two'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'ada' })
  })

  test('that the app is told of is given to start at once, for any user', async () => {
    const { session, source, transport } = await signedIn()
    await session.start(source.next())
    await session.start(source.next({ sub: 'bob' }))
    expect(transport.calls).toEqual(['connect one', 'update two', 'disconnect ended', 'connect three'])
    expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' })
  })
})
