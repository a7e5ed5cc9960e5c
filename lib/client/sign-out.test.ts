import { describe, expect, test, vi } from 'vitest'
import { manualClock } from '../testing/clock.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import { testBrowser } from './client.testing.ts'

async function signedIn(change: { recoverable?: boolean } = {}) {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const browser = testBrowser(server, clock)
  const auth = await browser.load()
  const { principal } = auth.getState().session!
  await auth.upgrade(async () => {
    await browser.account.signUp('ada')
    Object.assign(server.accounts.get('ada')!, change)
  })
  return { server, browser, auth, principal }
}

describe('out of an account', () => {
  test('nobody is signed in, over reloads too, and the account server knows', async () => {
    const { auth, browser } = await signedIn()
    await auth.signOut()
    expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null, phase: 'ready' })
    expect((await browser.load()).getState()).toMatchObject({ authMode: 'anonymous', session: null })
    await expect.poll(() => browser.account.provider.getSession()).toBeNull()
  })

  test('works offline at once; the server hears of it later, after a restart too', async () => {
    const { auth, browser } = await signedIn()
    browser.account.online = false
    await auth.signOut()
    expect(auth.getState().session).toBeNull()
    browser.account.online = true
    const later = await browser.load()
    await expect.poll(async () => ((await browser.store.read()) as { outbox: unknown[] }).outbox).toEqual([])
    expect(browser.account.calls).toContain('signOut')
    expect(later.getState().session).toBeNull()
  })

  test('the next sign-in first delivers the sign-out before it, so that it is not ended by it', async () => {
    const { auth, browser, principal } = await signedIn()
    browser.account.online = false
    await auth.signOut()
    browser.account.online = true
    const result = await auth.upgrade(() => browser.account.signIn('ada'))
    expect(result).toMatchObject({ outcome: 'switched', session: { principal } })
    expect(browser.account.calls.indexOf('signOut')).toBeLessThan(browser.account.calls.indexOf('signIn'))
    expect(browser.account.calls).toContain('signOut')
    expect(await browser.store.read()).toMatchObject({ outbox: [] })
    expect(await browser.account.provider.getSession()).toMatchObject({ principal })
  })

  test('a sign-out that is on its way ends before the next sign-in begins', async () => {
    const { auth, browser, principal } = await signedIn()
    const order: string[] = []
    let answer = (): void => {}
    const late = new Promise<void>((resolve) => (answer = resolve))
    const signOut = vi.spyOn(browser.account.provider, 'signOut').mockImplementationOnce(async () => {
      await late
      order.push('signed out')
      browser.account.setSession(null)
    })
    await auth.signOut()
    await vi.waitFor(() => expect(signOut).toHaveBeenCalled())
    const signingIn = auth.upgrade(() => (order.push('signs in'), browser.account.signIn('ada')))
    // More turns than a sign-in takes that waits for nothing.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    answer()
    expect(await signingIn).toMatchObject({ session: { principal } })
    expect(order).toEqual(['signed out', 'signs in'])
    expect(await browser.account.provider.getSession()).toMatchObject({ principal })
  })

  test('the device key is set aside while the account cannot be recovered', async () => {
    const { auth, browser, principal } = await signedIn()
    await auth.signOut()
    expect(await browser.store.read()).toMatchObject({ current: null, entries: [{ kind: 'device', principal }] })
    await auth.ensureIdentity({ resume: principal })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
  })

  test('the device key is deleted once the account can be recovered', async () => {
    const { auth, browser, principal } = await signedIn({ recoverable: true })
    await auth.signOut()
    expect(await browser.store.read()).toMatchObject({ entries: [] })
    await expect(auth.ensureIdentity({ resume: principal })).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })

  test('the next person gets a new identity', async () => {
    const { auth, principal } = await signedIn()
    await auth.signOut()
    const session = await auth.ensureIdentity()
    expect(session.principal).not.toBe(principal)
  })
})

describe('out of a local-first identity', () => {
  test('it is kept aside', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const { principal } = auth.getState().session!
    await auth.signOut()
    expect(auth.getState().authMode).toBe('anonymous')
    expect((await browser.load()).getState().authMode).toBe('anonymous')
    expect((await auth.ensureIdentity({ resume: principal })).principal).toBe(principal)
  })

  test('and deleted only when that is asked for', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    await auth.signOut({ forget: true })
    expect(await browser.store.read()).toMatchObject({ current: null, entries: [] })
  })

  test('another one cannot be resumed over an identity in force', async () => {
    const auth = await testBrowser().load()
    const { principal } = auth.getState().session!
    await auth.signOut()
    await auth.ensureIdentity()
    const before = auth.getState()
    await expect(auth.ensureIdentity({ resume: principal })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(auth.getState()).toBe(before)
  })
})

describe('unsynced data', () => {
  test('vetoes, and everything is as before', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ beforeSignOut: () => ({ unsynced: 3 }) })
    const before = auth.getState()
    await expect(auth.signOut()).rejects.toMatchObject({ code: 'UNSYNCED_DATA' })
    expect(auth.getState()).toEqual(before)
    await auth.signOut({ force: true })
    expect(auth.getState().authMode).toBe('anonymous')
  })

  test('that cannot be counted vetoes too', async () => {
    const failure = new Error('database is gone')
    const auth = await testBrowser().load({ beforeSignOut: () => { throw failure } })
    await expect(auth.signOut()).rejects.toBe(failure)
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
  })
})

test('a confirmed session that is gone is told, and the person stays who they are', async () => {
  const { browser, principal } = await signedIn()
  browser.account.setSession(null)
  const auth = await browser.load()
  await expect.poll(() => auth.getState().error).toBe('missing')
  expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
})

test('what the server says at the start is kept: aliases and recoverability', async () => {
  const { server, browser, principal } = await signedIn()
  Object.assign(server.accounts.get('ada')!, { aliases: ['older'], recoverable: true })
  const auth = await browser.load()
  await expect.poll(() => auth.getState().storage.durability).toBe('recoverable')
  expect(auth.getState().session?.principals).toEqual([principal, 'older'])
  browser.account.online = false
  expect((await browser.load()).getState().session?.principals).toEqual([principal, 'older'])
})
