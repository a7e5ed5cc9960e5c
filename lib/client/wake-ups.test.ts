import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../keystore/memory.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import type { AuthOptions } from './auth.ts'
import { createAuthWith } from './create-auth.ts'
import * as lazy from './lazy.ts'

// Where no `online` event ever comes: Node, and some WebViews and workers.

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]

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

describe('a look at the session that failed', () => {
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
