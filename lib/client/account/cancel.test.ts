import { afterEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import { memoryStore } from '../../keystore/memory.ts'
import type { RecordStore } from '../../keystore/store.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { hasLooked, testBrowser } from '../client.testing.ts'
import type { RunOptions } from '../auth.ts'

afterEach(() => {
  vi.useRealTimers()
})

const CANCELLED = { outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } }

async function world(store: RecordStore = memoryStore()) {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const browser = testBrowser(server, clock, store)
  const auth = await browser.load()
  await hasLooked(browser)
  return { browser, server, auth, principal: auth.getState().session!.principal }
}

/** A promise, and the function that resolves it. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open }
}

/** A `run` that never settles, such as a popup that was closed. */
function endlessRun(): { run: (options: RunOptions) => Promise<never>; begun: Promise<AbortSignal> } {
  let begin: (signal: AbortSignal) => void = () => {}
  const begun = new Promise<AbortSignal>((resolve) => (begin = resolve))
  return { run: ({ signal }) => (begin(signal), new Promise<never>(() => {})), begun }
}

describe('an upgrade whose `run` never settles', () => {
  test('ends when it is cancelled, and everything is possible again', async () => {
    const { auth, browser, principal } = await world()
    const { run, begun } = endlessRun()
    const result = auth.upgrade(run)
    const signal = await begun
    await expect(auth.signOut()).rejects.toMatchObject({ code: 'UPGRADE_IN_PROGRESS' })
    await auth.cancelUpgrade()
    expect(await result).toMatchObject(CANCELLED)
    expect(signal.aborted).toBe(true)
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first', session: { principal } })
    expect(parseKeyring(await browser.store.read())!.intent).toBeNull()
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
    await auth.signOut()
  })

  test("ends by the caller's signal, also one that has fired before", async () => {
    const { auth, principal } = await world()
    const { run, begun } = endlessRun()
    const caller = new AbortController()
    const result = auth.upgrade(run, { signal: caller.signal })
    await begun
    caller.abort()
    expect(await result).toMatchObject(CANCELLED)
    const never = vi.fn(async () => {})
    expect(await auth.upgrade(never, { signal: AbortSignal.abort() })).toMatchObject(CANCELLED)
    expect(never).not.toHaveBeenCalled()
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal } })
  })

  test('ends after ten minutes', async () => {
    const { auth } = await world()
    const { run, begun } = endlessRun()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const result = auth.upgrade(run)
    await begun
    await vi.advanceTimersByTimeAsync(10 * 60_000 - 1)
    expect(auth.getState().phase).toBe('upgrading')
    await vi.advanceTimersByTimeAsync(1)
    expect(await result).toMatchObject(CANCELLED)
  })

  test('leaves what was pending before as it was, unless it is cancelled by hand', async () => {
    const { auth, browser } = await world()
    await auth.upgrade(() => browser.account.requestLink('ada@example.com'))
    const before = parseKeyring(await browser.store.read())!.intent
    const { run, begun } = endlessRun()
    const caller = new AbortController()
    const result = auth.upgrade(run, { signal: caller.signal })
    await begun
    caller.abort()
    await result
    expect(parseKeyring(await browser.store.read())!.intent).toEqual(before)
    expect(auth.getState()).toMatchObject({ phase: 'pending', upgrade: { pending: { expected: 'ada@example.com' } } })
    await auth.cancelUpgrade()
    expect(auth.getState().phase).toBe('ready')
  })
})

test('`run` is not called after a cancellation, even if that came after the last answer of the account server', async () => {
  const { auth, browser } = await world()
  const { provider } = browser.account
  const { withProof } = provider
  const caller = new AbortController()
  let proven: Promise<unknown> | undefined
  vi.spyOn(provider, 'withProof').mockImplementation((...given) => {
    caller.abort()
    const result = withProof(...given)
    proven = result.catch(() => {})
    return result
  })
  const run = vi.fn(async () => {})
  expect(await auth.upgrade(run, { signal: caller.signal })).toMatchObject(CANCELLED)
  await proven
  expect(proven).toBeDefined()
  expect(run).not.toHaveBeenCalled()
})

/** Waits while the fake clock goes on by less than a second: no time limit ends meanwhile. */
async function soon(check: () => void): Promise<void> {
  for (let turn = 0; ; turn++) {
    try {
      return check()
    } catch (error) {
      if (turn > 1_000_000) throw error
      if (turn < 900) vi.advanceTimersByTime(1)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('an upgrade that waits for another act', () => {
  /** A delivery of a sign-out that the account server does not answer. */
  async function delivering() {
    const { browser, auth } = await world()
    await auth.upgrade(() => browser.account.signUp('ada'))
    const { provider } = browser.account
    const { getSession } = provider
    const unreachable = gate()
    provider.getSession = async () => (unreachable.open(), Promise.reject(new LatchkeyError('OFFLINE')))
    await auth.signOut()
    await unreachable.passed
    auth.close()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asked = gate()
    provider.getSession = () => (asked.open(), new Promise<never>(() => {}))
    const next = await browser.load()
    await asked.passed
    provider.getSession = getSession
    return next
  }

  test.each(['cancelUpgrade', 'signal'] as const)('ends at once by %s', async (way) => {
    const auth = await delivering()
    const never = vi.fn(async () => {})
    const caller = new AbortController()
    const ended = vi.fn<(result: unknown) => void>()
    void auth.upgrade(never, { signal: caller.signal }).then(ended)
    await soon(() => expect(auth.getState().phase).toBe('upgrading'))
    if (way === 'signal') caller.abort()
    else void auth.cancelUpgrade()
    await soon(() => expect(ended.mock.calls).toMatchObject([[CANCELLED]]))
    expect(never).not.toHaveBeenCalled()
  })
})

test.each(['signal', 'time limit'] as const)(
  'an account that `run` made before the %s ended the upgrade is found without a reload',
  async (way) => {
    const { auth, browser, principal } = await world()
    const caller = new AbortController()
    const made = gate()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const result = auth.upgrade(
      async () => {
        await browser.account.signUp('ada')
        made.open()
        return new Promise<never>(() => {})
      },
      { signal: caller.signal },
    )
    await made.passed
    if (way === 'signal') caller.abort()
    else await vi.advanceTimersByTimeAsync(10 * 60_000)
    expect(await result).toMatchObject(CANCELLED)
    await soon(() =>
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'external', session: { principal } }),
    )
  },
)

test('an acceptance that was cancelled tells the account server nothing later', async () => {
  const { auth, browser, server } = await world()
  await auth.upgrade(() => browser.account.signUp('ada'))
  const { provider } = browser.account
  const { isEnded } = provider
  // The sign-out of the first account stays in the outbox.
  provider.isEnded = async () => false
  browser.account.online = false
  await auth.signOut()
  browser.account.online = true
  browser.clock.advance(1)
  server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
  browser.account.setSession('eve')
  const next = await browser.load()
  await expect.poll(() => next.getState().upgrade?.account?.accountId).toBe('eve')
  const { getSession } = provider
  const [asked, answered] = [gate(), gate()]
  provider.getSession = async () => (asked.open(), await answered.passed, null)
  const result = next.acceptAccount()
  await asked.passed
  provider.getSession = getSession
  provider.isEnded = isEnded!
  await next.cancelUpgrade()
  expect(await result).toMatchObject(CANCELLED)
  const signOut = vi.spyOn(provider, 'signOut')
  answered.open()
  await new Promise((resolve) => setImmediate(resolve))
  expect(signOut).not.toHaveBeenCalled()
})

test('a conflict that another tab has found meanwhile is not cancelled with the upgrade that this one shows', async () => {
  const { auth, browser, server } = await world()
  server.accounts.set('ada', { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} })
  await auth.markWritten()
  await auth.upgrade(() => browser.account.requestLink('ada@example.com'))
  const other = await browser.load()
  expect(await other.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'conflict' })
  expect(auth.getState().phase).toBe('pending')
  await expect(auth.cancelUpgrade()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
  expect(parseKeyring(await browser.store.read())!.intent).toMatchObject({ conflict: {} })
  expect(auth.getState().phase).toBe('conflict')
  await auth.cancelUpgrade()
  expect(auth.getState().phase).toBe('ready')
})

test('a waiting session that an upgrade found is ended by its id, so that a newer one of its account stays', async () => {
  const { auth, browser, server } = await world()
  server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
  browser.account.setSession('eve')
  const result = await auth.upgrade(() => browser.account.requestLink('ada@example.com'))
  expect(result).toMatchObject({ outcome: 'pending', account: { accountId: 'eve' } })
  const { id } = (await browser.account.provider.getSession({ peek: true }))!
  browser.account.online = false
  await auth.cancelUpgrade()
  expect(parseKeyring(await browser.store.read())!.outbox).toMatchObject([{ accountId: 'eve', sessionId: id }])
  auth.close()
  browser.clock.advance(60_000)
  browser.account.setSession('eve')
  browser.account.online = true
  await browser.load()
  await expect.poll(async () => parseKeyring(await browser.store.read())!.outbox).toEqual([])
  expect(browser.account.session).toBe('eve')
})

describe('a `run` that settles after it was cancelled', () => {
  test('changes nothing here: its session has no proof, and waits for confirmation', async () => {
    const { auth, browser, server, principal } = await world()
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => (begin = resolve))
    let late: Promise<unknown> | undefined
    const result = auth.upgrade(() => (late = (begin(), gate).then(() => browser.account.signUp('ada'))))
    await begun
    await auth.cancelUpgrade()
    expect(await result).toMatchObject(CANCELLED)
    open()
    await late
    expect(server.accounts.get('ada')!.principal).not.toBe(principal)
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
    expect((await browser.load()).getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
  })
})

describe('a cancellation that comes after the record was written', () => {
  /** The store has written the result of `signIn`, and does not answer before `open`. */
  async function written(signIn: 'signUp' | 'signIn') {
    const kept = memoryStore()
    const [reached, answered] = [gate(), gate()]
    let isLate = false
    const store: RecordStore = {
      ...kept,
      async update(updater) {
        const found = await kept.update(updater)
        if (isLate) {
          reached.open()
          await answered.passed
        }
        return found
      },
    }
    const given = await world(store)
    given.server.accounts.set('bob', {
      accountId: 'bob',
      principal: 'bob',
      aliases: [],
      recoverable: true,
      claims: {},
    })
    await given.auth.markWritten()
    const result = given.auth.upgrade(async () => {
      const answer = await given.browser.account[signIn](signIn === 'signUp' ? 'ada' : 'bob')
      isLate = true
      return answer
    })
    await reached.passed
    return { ...given, result, open: answered.open }
  }

  test('leaves the account of the device', async () => {
    const { auth, browser, principal, result, open } = await written('signUp')
    const cancelled = auth.cancelUpgrade()
    open()
    expect(await result).toMatchObject({ outcome: 'upgraded', session: { principal } })
    await cancelled
    expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready', session: { principal } })
    expect(browser.account.session).not.toBeNull()
  })

  test('ends a conflict, with the session of its account', async () => {
    const { auth, browser, principal, result, open } = await written('signIn')
    const cancelled = auth.cancelUpgrade()
    open()
    await cancelled
    await result
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready', session: { principal } })
    expect(browser.account.session).toBeNull()
  })
})

describe('a policy that never answers', () => {
  /** A device with data, an account with its own principal, and the upgrade that waits for the policy. */
  async function asking(signal?: AbortSignal) {
    const clock = manualClock()
    const server = memoryAccountServer(clock.now)
    server.accounts.set('ada', { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} })
    const browser = testBrowser(server, clock)
    let ask = (): void => {}
    const asked = new Promise<void>((resolve) => (ask = resolve))
    const auth = await browser.load({ harden: 'never', onConflict: () => (ask(), new Promise<never>(() => {})) })
    await hasLooked(browser)
    await auth.markWritten()
    const result = auth.upgrade(() => browser.account.signIn('ada'), { ...(signal && { signal }) })
    await asked
    return { auth, browser, result }
  }

  test('ends by `cancelUpgrade`, together with the conflict', async () => {
    const { auth, result } = await asking()
    await auth.cancelUpgrade()
    expect(await result).toMatchObject(CANCELLED)
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
    expect(auth.getState().upgrade).toBeUndefined()
  })

  test("ends by the caller's signal, and leaves the conflict to the user", async () => {
    const caller = new AbortController()
    const { auth, result } = await asking(caller.signal)
    caller.abort()
    expect(await result).toMatchObject(CANCELLED)
    expect(auth.getState()).toMatchObject({ phase: 'conflict', upgrade: { failure: 'UPGRADE_CANCELLED' } })
    expect(await auth.resolveConflict('switch')).toMatchObject({ outcome: 'switched' })
  })

  test('ends by a sign-out', async () => {
    const { auth, result } = await asking()
    await auth.signOut()
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous' })
  })

  test('ends by a decision of the user', async () => {
    const { auth, result } = await asking()
    expect(await auth.resolveConflict('switch')).toMatchObject({ outcome: 'switched' })
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal: 'ada' } })
  })
})

test('a policy whose answer comes during a sign-out decides nothing', async () => {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  server.accounts.set('ada', { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} })
  const browser = testBrowser(server, clock)
  let answer: ((policy: 'adopt') => void) | undefined
  const auth = await browser.load({
    harden: 'never',
    onConflict: () => new Promise((resolve) => (answer = resolve)),
    beforeSignOut: async () => {
      answer!('adopt')
      expect(await result).toMatchObject({ outcome: 'conflict' })
      return { unsynced: 0 }
    },
  })
  await hasLooked(browser)
  await auth.markWritten()
  const result = auth.upgrade(() => browser.account.signIn('ada'))
  await expect.poll(() => answer).toBeDefined()
  await auth.signOut()
  expect(server.accounts.get('ada')!.aliases).toEqual([])
  expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous' })
})

test('a `beforeSignOut` that never ends vetoes the sign-out after thirty seconds', async () => {
  const { browser } = await world()
  const auth = await browser.load({ beforeSignOut: () => new Promise(() => {}) })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const result = auth.signOut()
  const refused = expect(result).rejects.toMatchObject({ code: 'UNSYNCED_DATA' })
  await vi.advanceTimersByTimeAsync(30_000)
  await refused
  expect(auth.getState().authMode).toBe('local-first')
  await auth.signOut({ force: true })
  expect(auth.getState().authMode).toBe('anonymous')
})
