import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  HOUR,
  MINUTE,
  anonymousAuth,
  rest,
  testIdentity,
  testSession,
  testTransport,
  testSource,
  testTime,
} from '../session.testing.ts'

let window: EventTarget
let document: EventTarget & { visibilityState: string }

/** The events of a page, in Node. */
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(1)
  window = new EventTarget()
  document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  vi.stubGlobal('document', document)
})

afterEach(() => vi.unstubAllGlobals())

const WAKES: Record<string, () => void> = {
  'the page is shown': () => void document.dispatchEvent(new Event('visibilitychange')),
  'the page comes out of the cache': () => void window.dispatchEvent(new Event('pageshow')),
  'a frozen page goes on': () => void document.dispatchEvent(new Event('resume')),
  'the network is back': () => void window.dispatchEvent(new Event('online')),
}

describe.each(Object.entries(WAKES))('after sleep, when %s', (_, wake) => {
  test('a token that is past its time is refreshed at once, although no timer fired', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
    time.jump(8 * HOUR)
    wake()
    await rest()
    expect(transport.calls).toEqual(['connect one', 'update two'])
  })

  test('nothing is done about a token that is still good', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
    time.jump(5 * MINUTE)
    wake()
    await rest()
    expect(source.asked()).toBe(0)
    expect(transport.calls).toEqual(['connect one'])
  })

  test('a session that was ended stays ended', async () => {
    const time = testTime()
    const source = testSource(time.clock)
    const transport = testTransport()
    const { session } = await testSession(time, await anonymousAuth(time), transport, {
      token: source.next(),
      refresh: source,
    })
    await session.end()
    time.jump(8 * HOUR)
    wake()
    await time.advance(HOUR)
    expect(source.asked()).toBe(0)
    expect(transport.calls).toEqual(['connect one', 'disconnect ended'])
  })
})

test('after sleep a timer that fires late refreshes once', async () => {
  const time = testTime()
  const source = testSource(time.clock)
  const transport = testTransport()
  await testSession(time, await anonymousAuth(time), transport, { token: source.next(), refresh: source })
  time.jump(8 * HOUR)
  await time.advance(15 * MINUTE)
  expect(source.asked()).toBe(1)
})

test('after sleep a timer of a 30-day token that fires late counts the sleep', async () => {
  const time = testTime()
  const source = testSource(time.clock, 'ada', 30 * 86_400)
  await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
  time.jump(29 * 24 * HOUR)
  await time.advance(25 * 24 * HOUR)
  expect(source.asked()).toBe(1)
})

test('a page that is hidden is not woken', async () => {
  const time = testTime()
  const source = testSource(time.clock)
  await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
  time.jump(HOUR)
  document.visibilityState = 'hidden'
  document.dispatchEvent(new Event('visibilitychange'))
  await rest()
  expect(source.asked()).toBe(0)
})

test('what failed for want of a network is tried again as soon as it is back', async () => {
  const time = testTime()
  const { auth, account, principal } = await testIdentity(time)
  await auth.upgrade(() => account.signUp('ada'))
  const transport = testTransport()
  await testSession(time, auth, transport)
  account.online = false
  await time.advance(HOUR)
  account.online = true
  WAKES['the network is back']!()
  await rest()
  expect(transport.calls).toEqual([`connect of ${principal()}`, `update of ${principal()}`])
})

test('where there is neither window nor document a session works all the same', async () => {
  vi.unstubAllGlobals()
  expect(globalThis).not.toHaveProperty('document')
  const time = testTime()
  const source = testSource(time.clock)
  const { session } = await testSession(time, await anonymousAuth(time), testTransport(), {
    token: source.next(),
    refresh: source,
  })
  await time.advance(HOUR)
  expect(session.getState().status).toBe('connected')
  await session.end()
})

test('in a service worker the network wakes it: there is no document', async () => {
  vi.stubGlobal('document', undefined)
  const time = testTime()
  const source = testSource(time.clock)
  await testSession(time, await anonymousAuth(time), testTransport(), { token: source.next(), refresh: source })
  time.jump(HOUR)
  WAKES['the network is back']!()
  await rest()
  expect(source.asked()).toBe(1)
})
