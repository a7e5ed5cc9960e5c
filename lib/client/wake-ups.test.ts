import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../keystore/memory.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import type { AuthOptions } from './auth.ts'
import { createAuthWith } from './create-auth.ts'
import { later as lazy } from './lazy.ts'

// Where no `online` event ever comes: Node, and some WebViews and workers.

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]
const WAKE_UPS = ['online', 'visibilitychange']

/** A page that may be shown, and one client whose later part loads only while `isReachable`. */
function world(options: AuthOptions = {}) {
  const server = memoryAccountServer(Date.now)
  const account = server.connect()
  const network = { isReachable: false, loads: 0 }
  const getSession = vi.spyOn(account.provider, 'getSession')
  const create = createAuthWith(async () => {
    network.loads++
    if (!network.isReachable) throw new TypeError('Failed to fetch dynamically imported module')
    return lazy
  })
  const auth = create({
    account: account.provider,
    keystore: memoryStore(),
    audience: 'https://app.example',
    ...options,
  })
  const looks = (): number => getSession.mock.calls.length
  return { auth, account, network, looks }
}

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)
let page: EventTarget & { visibilityState?: string }
const listening = (): number => WAKE_UPS.flatMap((type) => getEventListeners(page, type)).length

beforeEach(() => {
  vi.useFakeTimers()
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  vi.stubGlobal('document', page)
  // A visibilitychange bubbles to the window.
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a later part that could not be loaded', () => {
  test('is loaded by a timer, less and less often, and then the account server is asked', async () => {
    const { auth, network, looks } = world()
    await auth.ready
    await settled()
    expect(network.loads).toBe(1)
    for (const [delay, loads] of [
      [5 * SECOND, 2],
      [15 * SECOND, 3],
      [45 * SECOND, 4],
    ] as const) {
      await vi.advanceTimersByTimeAsync(delay - 1)
      expect(network.loads).toBe(loads - 1)
      await vi.advanceTimersByTimeAsync(1)
      expect(network.loads).toBe(loads)
    }
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(network.loads).toBeGreaterThan(10)
    expect(network.loads).toBeLessThan(20)
    network.isReachable = true
    await vi.advanceTimersByTimeAsync(5 * MINUTE)
    expect(looks()).toBeGreaterThan(0)
    const { loads } = network
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(network.loads).toBe(loads)
    auth.close()
  })

  test('is loaded at once when the page is shown again', async () => {
    const { auth, network, looks } = world()
    await auth.ready
    await settled()
    network.isReachable = true
    page.dispatchEvent(new Event('visibilitychange'))
    await settled()
    expect(network.loads).toBe(2)
    expect(looks()).toBeGreaterThan(0)
    auth.close()
  })

  test('does not forget that this is the first start: a session from before Latchkey is taken', async () => {
    const { auth, account, network } = world({ initialMode: 'anonymous', migrateSessionsUntil: Date.now() + HOUR })
    await account.signUp('ada@example.com')
    await auth.ready
    await settled()
    network.isReachable = true
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    expect(auth.getState()).toMatchObject({ authMode: 'external' })
    auth.close()
  })

  test('is not loaded again if the client was closed before the first try had failed', async () => {
    const { auth, network } = world()
    auth.close()
    await auth.ready
    await settled()
    expect(network.loads).toBe(1)
    network.isReachable = true
    page.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(network.loads).toBe(1)
  })

  test.each(['close', 'load'])('leaves no timer after %s, and no listener after the next event', async (end) => {
    const { auth, network } = world()
    await auth.ready
    await settled()
    expect([vi.getTimerCount(), listening()]).toEqual([1, 2])
    if (end === 'load') {
      network.isReachable = true
      await vi.advanceTimersByTimeAsync(5 * SECOND)
    }
    auth.close()
    await settled()
    expect(vi.getTimerCount()).toBe(0)
    for (const type of WAKE_UPS) page.dispatchEvent(new Event(type))
    expect(listening()).toBe(0)
  })

  test('then hears what a server said about a token meanwhile', async () => {
    const onTokenExpired = vi.fn()
    const { auth, network } = world({ onTokenExpired })
    await auth.ready
    await settled()
    auth.reportToken('expired')
    auth.reportToken('disabled')
    await settled()
    network.isReachable = true
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(auth.getState().error).toBe('disabled')
    expect(onTokenExpired).toHaveBeenCalledTimes(1)
    auth.close()
  })

  test('keeps no process of Node alive', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    const { auth } = world()
    await auth.ready
    await settled()
    expect(set.mock.results.at(-1)!.value.hasRef()).toBe(false)
    auth.close()
  })

  test('is connected by a call that loads it: the app hears what has changed meanwhile', async () => {
    const onPrincipalChange = vi.fn()
    const keystore = memoryStore()
    const { auth, network } = world({ keystore, onPrincipalChange })
    await auth.ready
    await settled()
    const other = createAuthWith(async () => lazy)({ keystore, audience: 'https://app.example' })
    await other.signOut()
    other.close()
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    network.isReachable = true
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(onPrincipalChange).toHaveBeenCalledTimes(1)
    auth.close()
  })

  test('is not loaded any more once the client was closed', async () => {
    const { auth, network } = world()
    await auth.ready
    await settled()
    auth.close()
    await settled()
    network.isReachable = true
    page.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(network.loads).toBe(1)
  })
})

test('an account provider whose `subscribe` throws keeps nothing else from connecting', async () => {
  vi.stubGlobal('reportError', vi.fn())
  const { provider } = memoryAccountServer(Date.now).connect()
  const add = vi.spyOn(page, 'addEventListener')
  const subscribe = (): never => {
    throw new Error('mistake')
  }
  const { auth, network } = world({ account: { ...provider, subscribe } })
  network.isReachable = true
  await auth.ready
  await settled()
  const { length } = add.mock.calls
  await vi.advanceTimersByTimeAsync(HOUR)
  expect(add.mock.calls).toHaveLength(length)
  auth.close()
})

describe('a look at the session that failed', () => {
  test('is not repeated once the client was closed, even if the page was shown just before', async () => {
    const keystore = memoryStore()
    const { auth, account, network, looks } = world({ keystore })
    network.isReachable = true
    account.online = false
    await auth.ready
    await settled()
    const before = looks()
    const { read } = keystore
    vi.spyOn(keystore, 'read').mockImplementation(async () => {
      for (let turn = 0; turn < 50; turn++) await Promise.resolve()
      return read()
    })
    page.dispatchEvent(new Event('visibilitychange'))
    auth.close()
    await settled()
    expect(looks()).toBe(before)
  })

  test('is repeated at once when the page is shown again, and by a timer, less and less often', async () => {
    const { auth, account, network, looks } = world()
    network.isReachable = true
    account.online = false
    await auth.ready
    await settled()
    const first = looks()
    expect(first).toBeGreaterThan(0)
    page.dispatchEvent(new Event('visibilitychange'))
    await settled()
    expect(looks()).toBe(first + 1)
    const before = looks()
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(looks() - before).toBeGreaterThan(10)
    expect(looks() - before).toBeLessThan(20)
    account.online = true
    await vi.advanceTimersByTimeAsync(5 * MINUTE)
    const after = looks()
    page.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(HOUR)
    expect(looks()).toBe(after)
    auth.close()
  })
})
