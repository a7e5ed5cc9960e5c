import { afterEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { RecordStore } from '../keystore/store.ts'
import { testBrowser } from './client.testing.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A store that can be made to fail, and whose record can be taken away. */
function unreliable(
  durability: RecordStore['durability'] = 'evictable',
): RecordStore & { failure: LatchkeyErrorCode | undefined; clear(): void } {
  let inner = memoryStore()
  let isTraced = false
  const store = {
    durability,
    failure: undefined as LatchkeyErrorCode | undefined,
    trace: { found: () => isTraced, leave: () => void (isTraced = true) },
    read: async () => (fail(), inner.read()),
    update: async <Value>(updater: (found: unknown) => Value) => (fail(), inner.update(updater)),
    close() {},
    clear: () => void (inner = memoryStore()),
  }
  const fail = (): void => {
    if (store.failure) throw new LatchkeyError(store.failure)
  }
  return store
}

const PROBLEMS = [
  'KEYSTORE_UNAVAILABLE',
  'KEYSTORE_TIMEOUT',
  'KEYSTORE_BLOCKED',
  'KEYSTORE_FULL',
  'KEYSTORE_PRIVATE',
  'KEYSTORE_OPAQUE',
  'KEYSTORE_CORRUPT',
  'KEYSTORE_NEWER',
] as const

describe.each(PROBLEMS)('storage with %s', (problem) => {
  test('at the start gives no identity, and none is made up', async () => {
    const store = unreliable()
    store.failure = problem
    const auth = await testBrowser(undefined, undefined, store).load()
    expect(auth.getState()).toMatchObject({
      authMode: 'anonymous',
      session: null,
      phase: 'ready',
      storage: { problem },
    })
    await expect(auth.getToken()).rejects.toMatchObject({ code: problem })
    await expect(auth.ensureIdentity()).rejects.toMatchObject({ code: problem })
    store.failure = undefined
    expect(await store.read()).toBeUndefined()
  })

  test('at the start makes a sign-out fail', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    await browser.load()
    const before = await store.read()
    store.failure = problem
    const auth = await browser.load()
    await expect(auth.signOut({ forget: true })).rejects.toMatchObject({ code: problem })
    store.failure = undefined
    expect(await store.read()).toEqual(before)
  })

  test('at the start permits no sign-up or sign-in: an account needs it too', async () => {
    const store = unreliable()
    store.failure = problem
    const auth = await testBrowser(undefined, undefined, store).load()
    const run = vi.fn()
    expect(await auth.upgrade(run)).toMatchObject({ outcome: 'failed', error: { code: problem } })
    expect(run).not.toHaveBeenCalled()
  })

  test('at the start hides an identity only until it works again', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const { session } = (await browser.load()).getState()
    store.failure = problem
    const auth = await browser.load()
    store.failure = undefined
    expect(await auth.getToken()).not.toBeNull()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session })
    expect(auth.getState().storage.problem).toBeUndefined()
  })

  test('later leaves the person who they are, says so, and is over when it is over', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const auth = await browser.load()
    const { session } = auth.getState()
    store.failure = problem
    await expect(auth.markWritten()).rejects.toMatchObject({ code: problem })
    expect(auth.getState()).toMatchObject({ session, storage: { problem } })
    browser.clock.advance(20 * 60_000)
    expect(await auth.getToken()).not.toBeNull()
    store.failure = undefined
    await auth.markWritten()
    expect(auth.getState().storage.problem).toBeUndefined()
  })
})

test('a browser that blocks storage denies its locks too: a sign-up says what is wrong', async () => {
  const request = vi.fn(() => Promise.reject(new DOMException('denied', 'SecurityError')))
  vi.stubGlobal('navigator', { locks: { request } })
  const store = Object.assign(unreliable(), { channel: 'blocked', failure: 'KEYSTORE_BLOCKED' as const })
  const auth = await testBrowser(undefined, undefined, store).load()
  const run = vi.fn()
  expect(await auth.upgrade(run)).toMatchObject({ outcome: 'failed', error: { code: 'KEYSTORE_BLOCKED' } })
  expect(run).not.toHaveBeenCalled()
  auth.close()
})

test('a full disk can be read: it stays reported until something could be written', async () => {
  const store = unreliable()
  const { update } = store
  store.update = () => Promise.reject(new LatchkeyError('KEYSTORE_FULL'))
  const auth = await testBrowser(undefined, undefined, store).load()
  expect(await auth.listIdentities()).toEqual([])
  expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null, storage: { problem: 'KEYSTORE_FULL' } })
  store.update = update
  expect(await auth.ensureIdentity()).toEqual(auth.getState().session)
  expect(auth.getState().storage.problem).toBeUndefined()
})

describe('a record that was cleared', () => {
  test('before the start is no first visit: no identity is made until the app asks', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const first = await browser.load()
    await vi.waitFor(() => expect(store.trace!.found()).toBe(true), { timeout: 30_000 })
    store.clear()
    const auth = await browser.load()
    expect(auth.getState()).toMatchObject({
      authMode: 'anonymous',
      session: null,
      storage: { problem: 'KEYSTORE_VANISHED' },
    })
    const session = await auth.ensureIdentity()
    expect(session.principal).not.toBe(first.getState().session!.principal)
    expect((await browser.load()).getState()).toMatchObject({ session })
  })

  test('under an open page takes nothing from it, and the page can put the same identity back', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const auth = await browser.load()
    const { session } = auth.getState()
    store.clear()
    await expect(auth.markWritten()).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    expect(auth.getState()).toMatchObject({ session, storage: { problem: 'KEYSTORE_VANISHED' } })
    expect(await auth.getToken()).not.toBeNull()
    expect(await auth.ensureIdentity()).toEqual(session)
    expect(auth.getState().storage.problem).toBeUndefined()
    expect((await browser.load()).getState().session).toEqual(session)
  })

  test('before the start: a sign-in brings the account back, and no identity is made', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const first = await browser.load()
    await first.upgrade(() => browser.account.signUp('ada'))
    await first.signOut()
    store.clear()
    const auth = await browser.load()
    expect(auth.getState().storage.problem).toBe('KEYSTORE_VANISHED')
    const refused = await auth.upgrade(() => browser.account.signIn('nobody'))
    expect(refused).toMatchObject({ outcome: 'failed' })
    expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    const signedIn = await auth.upgrade(() => browser.account.signIn('ada'))
    expect(signedIn).toMatchObject({ outcome: 'switched' })
    expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
    expect((await browser.load()).getState().session).toEqual(auth.getState().session)
  })

  test('before the start: an account that is still signed in is offered, and taken once it is confirmed', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const first = await browser.load()
    await first.upgrade(() => browser.account.signUp('ada'))
    const { session } = first.getState()
    await vi.waitFor(() => expect(store.trace!.found()).toBe(true), { timeout: 30_000 })
    store.clear()
    const auth = await browser.load()
    await expect
      .poll(() => auth.getState(), { timeout: 30_000 })
      .toMatchObject({ authMode: 'anonymous', session: null, phase: 'pending', upgrade: { account: {} } })
    expect(await auth.acceptAccount()).toMatchObject({ outcome: expect.stringMatching(/upgraded|switched/) })
    expect(auth.getState().session).toMatchObject({ principal: session!.principal, authMode: 'external' })
    expect(auth.getState().storage.problem).toBeUndefined()
  })

  test('under an open page is not stored again by a sign-up', async () => {
    const store = unreliable()
    const browser = testBrowser(undefined, undefined, store)
    const auth = await browser.load()
    store.clear()
    const result = await auth.upgrade(() => browser.account.signUp('ada'))
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'KEYSTORE_VANISHED' } })
    expect(await store.read()).toBeUndefined()
  })

  test('leaves no trace where no identity was ever made', async () => {
    const store = unreliable()
    const auth = await testBrowser(undefined, undefined, store).load({ initialMode: 'anonymous' })
    await auth.listIdentities()
    expect(store.trace!.found()).toBe(false)
  })
})

describe('durability', () => {
  const storage = (manager: Partial<StorageManager>): void => void vi.stubGlobal('navigator', { storage: manager })

  test('says what the browser said before, without anybody waiting for it', async () => {
    storage({ persisted: async () => true })
    const auth = await testBrowser(undefined, undefined, unreliable()).load()
    await vi.waitFor(() => expect(auth.getState().storage.durability).toBe('persistent'), { timeout: 30_000 })
  })

  test('a browser that never says holds nothing up', async () => {
    storage({ persisted: () => new Promise(() => {}) })
    const auth = await testBrowser(undefined, undefined, unreliable()).load()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', storage: { durability: 'evictable' } })
  })

  test('becomes persistent when the browser agrees', async () => {
    storage({ persisted: async () => false, persist: async () => true })
    const auth = await testBrowser(undefined, undefined, unreliable()).load()
    expect(await auth.requestPersistence()).toBe(true)
    expect(auth.getState().storage.durability).toBe('persistent')
  })

  test.each([
    ['refuses', async () => false],
    ['fails', async () => Promise.reject(new Error('no'))],
  ])('stays what it was when the browser %s', async (_, persist) => {
    storage({ persisted: async () => false, persist })
    const auth = await testBrowser(undefined, undefined, unreliable()).load()
    expect(await auth.requestPersistence()).toBe(false)
    expect(auth.getState().storage.durability).toBe('evictable')
  })

  test('a browser that never answers is waited for in bounded time, and a late answer still counts', async () => {
    let answer: (isKept: boolean) => void = () => {}
    let ask = (): void => {}
    const isAsked = new Promise<void>((resolve) => (ask = resolve))
    const persist = (): Promise<boolean> => (ask(), new Promise((resolve) => (answer = resolve)))
    storage({ persisted: async () => false, persist })
    const auth = await testBrowser(undefined, undefined, unreliable()).load()
    await auth.listIdentities()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asking = auth.requestPersistence()
    await isAsked
    vi.runAllTimers()
    expect(await asking).toBe(false)
    answer(true)
    await vi.waitFor(() => expect(auth.getState().storage.durability).toBe('persistent'), { timeout: 30_000 })
  })

  test('nothing is asked of the browser about a store that is not its own to keep', async () => {
    const persist = vi.fn()
    storage({ persist })
    expect(await (await testBrowser(undefined, undefined, unreliable('ephemeral')).load()).requestPersistence()).toBe(
      false,
    )
    expect(await (await testBrowser(undefined, undefined, unreliable('persistent')).load()).requestPersistence()).toBe(
      true,
    )
    expect(persist).not.toHaveBeenCalled()
  })
})
