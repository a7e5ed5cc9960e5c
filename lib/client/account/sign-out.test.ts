import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { withBegunBackup, withShownBackup } from '../../keystore/backups.ts'
import type { AccountEntry, DeviceEntry, Keyring } from '../../keystore/record.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { manualClock } from '../../testing/clock.ts'
import { createFaults, faultyStore } from '../../testing/faulty-store.ts'
import { type MemoryAccountServer, memoryAccountServer } from '../../testing/memory-account.ts'
import { testBrowser } from '../client.testing.ts'
import type { AccountSession } from '../shared/account-provider.ts'

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
  test('no account is signed in, over reloads too, and the account server knows', async () => {
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

  /** Signs out without a network, and waits until that was noticed. */
  async function signOutOffline({ auth, browser }: Awaited<ReturnType<typeof signedIn>>) {
    const signOut = vi.spyOn(browser.account.provider, 'signOut')
    const getSession = vi.spyOn(browser.account.provider, 'getSession')
    browser.account.online = false
    await auth.signOut()
    await vi.waitFor(() => expect(getSession.mock.settledResults.at(-1)?.type).toBe('rejected'), { timeout: 30_000 })
    browser.account.online = true
    return signOut
  }

  test('what the server did not hear is kept until it did', async () => {
    const world = await signedIn()
    await signOutOffline(world)
    expect(await world.browser.store.read()).toMatchObject({
      outbox: [{ accountId: 'account-1' }, { accountId: '*' }],
    })
  })

  test('the next sign-in first delivers the sign-out before it, so that it is not ended by it', async () => {
    const world = await signedIn()
    const { auth, browser, principal } = world
    await signOutOffline(world)
    const result = await auth.upgrade(() => browser.account.signIn('ada'))
    expect(result).toMatchObject({ outcome: 'switched', session: { principal } })
    expect(browser.account.calls.filter((name) => name.startsWith('sign'))).toEqual(['signUp', 'signOut', 'signIn'])
    expect(await browser.store.read()).toMatchObject({ outbox: [] })
    expect(await browser.account.provider.getSession()).toMatchObject({ principal })
  })

  test('of two things to tell the server, the one that it did not hear is kept', async () => {
    const world = await signedIn()
    const signOut = await signOutOffline(world)
    await world.browser.store.update((found) => {
      const keyring = found as Keyring
      return { ...keyring, outbox: [keyring.outbox[0]!, { ...keyring.outbox[0]!, id: 'second' }] }
    })
    signOut.mockResolvedValueOnce().mockRejectedValue(new LatchkeyError('OFFLINE'))
    await world.browser.load()
    await vi.waitFor(
      () => expect(signOut.mock.settledResults.map(({ type }) => type).slice(0, 2)).toEqual(['fulfilled', 'rejected']),
      { timeout: 30_000 },
    )
    expect(await world.browser.store.read()).toMatchObject({ outbox: [{ id: 'second' }] })
  })

  test('what another tab told the server already is not told again: it would end the next session', async () => {
    const events = new EventTarget()
    vi.stubGlobal('addEventListener', events.addEventListener.bind(events))
    const world = await signedIn()
    const { browser, principal } = world
    const signOut = await signOutOffline(world)
    const other = await browser.load()
    await expect.poll(() => browser.store.read()).toMatchObject({ outbox: [] })
    await other.upgrade(() => browser.account.signIn('ada'))
    const read = vi.spyOn(browser.store, 'read')
    events.dispatchEvent(new Event('online'))
    await vi.waitFor(() => expect(read.mock.settledResults).not.toEqual([]), { timeout: 30_000 })
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    expect(signOut).toHaveBeenCalledTimes(1)
    expect(await browser.account.provider.getSession()).toMatchObject({ principal })
    vi.unstubAllGlobals()
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
    await vi.waitFor(() => expect(signOut).toHaveBeenCalled(), { timeout: 30_000 })
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

  async function changeDevice(
    { browser }: Awaited<ReturnType<typeof signedIn>>,
    change: (device: DeviceEntry) => DeviceEntry,
  ): Promise<void> {
    await browser.store.update((found) => {
      const keyring = found as Keyring
      return {
        ...keyring,
        entries: keyring.entries.map((entry) => (entry.kind === 'device' ? change(entry) : entry)),
      }
    })
  }

  test('but not where something depends on it that the account does not bring back', async () => {
    const world = await signedIn({ recoverable: true })
    await changeDevice(world, (device) => ({ ...device, derived: true }))
    await world.auth.signOut()
    expect(await world.browser.store.read()).toMatchObject({
      entries: [{ kind: 'device', principal: world.principal }],
    })
  })

  test('and where that has a backup, it goes', async () => {
    const world = await signedIn({ recoverable: true })
    await changeDevice(world, (device) => ({ ...device, derived: true, backedUpAt: 1 }))
    await world.auth.signOut()
    expect(await world.browser.store.read()).toMatchObject({ entries: [] })
  })

  test('which was shown to work: one that was only begun does not count', async () => {
    const begun = (device: DeviceEntry): DeviceEntry => withBegunBackup(device, '', 1)
    const world = await signedIn({ recoverable: true })
    await changeDevice(world, (device) => begun({ ...device, derived: true }))
    await world.auth.signOut()
    expect(await world.browser.store.read()).toMatchObject({ entries: [{ principal: world.principal }] })

    const shown = await signedIn({ recoverable: true })
    await changeDevice(shown, (device) => withShownBackup(begun({ ...device, derived: true }), 2))
    await shown.auth.signOut()
    expect(await shown.browser.store.read()).toMatchObject({ entries: [] })
  })

  test('and not where the secret was imported, which shows no backup', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    const { principal } = await auth.importSecret(formatSecret(createSecret()))
    await auth.deriveKey('notes')
    await auth.upgrade(async () => {
      await browser.account.signUp('ada')
      browser.server.accounts.get('ada')!.recoverable = true
    })
    await auth.signOut()
    expect(await auth.listIdentities()).toMatchObject([{ principal }])
  })

  test('the device key is deleted on request, even if it is the only way into the account', async () => {
    const { auth, browser, principal } = await signedIn()
    await auth.signOut({ forget: true })
    expect(((await browser.store.read()) as Keyring).entries).toEqual([])
    await expect(auth.ensureIdentity({ resume: principal })).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })

  test('every key of the account is deleted where that is asked for, and none of another identity', async () => {
    const { auth, browser } = await signedIn()
    await auth.signOut()
    const kept = (await auth.listIdentities()).map(({ principal }) => principal)
    await auth.ensureIdentity()
    await auth.deriveKey('notes')
    const alias = auth.getState().session!.principal
    await auth.upgrade(() => browser.account.signIn('ada'))
    await auth.resolveConflict('adopt')
    const { principals } = auth.getState().session!
    expect(principals).toEqual([...kept, alias])
    await auth.signOut()
    await auth.ensureIdentity()
    const other = auth.getState().session!.principal
    await auth.upgrade(() => browser.account.signIn('ada'))
    await auth.signOut({ forget: true })
    expect((await auth.listIdentities()).map(({ principal }) => principal)).toEqual([other])
  })

  describe('after another device unlinked an alias whose key only this one has', () => {
    async function unlinkedElsewhere() {
      const { auth, browser, server } = await signedIn({ recoverable: true })
      await auth.signOut()
      await auth.ensureIdentity()
      const alias = auth.getState().session!.principal
      await auth.markWritten()
      await auth.upgrade(() => browser.account.signIn('ada'))
      await auth.resolveConflict('adopt')
      expect(auth.getState().session!.principals).toContain(alias)
      server.accounts.get('ada')!.aliases = []
      const kept = async (): Promise<string[]> => (await auth.listIdentities()).map(({ principal }) => principal)
      return { auth, browser, alias, kept }
    }

    test('the key stays', async () => {
      const { auth, alias, kept } = await unlinkedElsewhere()
      await auth.signOut()
      expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
      expect(await kept()).toEqual([alias])
    })

    test('the key is deleted where that is asked for', async () => {
      const { auth, kept } = await unlinkedElsewhere()
      await auth.signOut({ forget: true })
      expect(await kept()).toEqual([])
    })

    test('without a network, the aliases of before count', async () => {
      const { auth, browser, kept } = await unlinkedElsewhere()
      browser.account.online = false
      await auth.signOut()
      expect(await kept()).toEqual([])
    })

    test('a server that does not answer holds the sign-out up for three seconds and no longer', async () => {
      const { auth, browser, kept } = await unlinkedElsewhere()
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const asked = new Promise<void>((resolve) => {
        vi.spyOn(browser.account.provider, 'getSession').mockImplementation(() => {
          resolve()
          return new Promise(() => {})
        })
      })
      const leaving = auth.signOut()
      await asked
      await vi.advanceTimersByTimeAsync(3_000)
      await leaving
      expect(await kept()).toEqual([])
    })
  })

  test('the keys of other people on the device stay', async () => {
    const { auth, browser, server } = await signedIn()
    const other = auth.getState().session!.principal
    await auth.signOut()
    await auth.ensureIdentity()
    await auth.upgrade(async () => {
      await browser.account.signUp('bob')
      server.accounts.get('bob')!.recoverable = true
    })
    await auth.signOut()
    expect(await browser.store.read()).toMatchObject({ current: null, entries: [{ kind: 'device', principal: other }] })
  })

  test('an upgrade that waits for something ends too', async () => {
    const { auth, browser } = await signedIn()
    await browser.store.update((found) => ({
      ...(found as Keyring),
      intent: { id: 'i', principal: null, expected: 'ada@example.com', startedAt: 1, expiresAt: 2 },
    }))
    await auth.signOut()
    expect(await browser.store.read()).toMatchObject({ intent: null })
  })

  test('the session of an account that waits for confirmation ends too', async () => {
    const { server, browser, auth } = await signedIn()
    await auth.signOut()
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    const next = testBrowser(server, browser.clock)
    next.account.setSession('eve')
    const page = await next.load()
    await expect.poll(() => page.getState().upgrade?.account?.accountId).toBe('eve')
    await page.signOut()
    expect(page.getState().upgrade).toBeUndefined()
    await expect.poll(() => next.account.session).toBeNull()
    await expect.poll(() => next.store.read()).toMatchObject({ outbox: [] })
  })

  test('a page that dies right after the sign-out leaves the end of that session to the next one', async () => {
    const { server, browser } = await signedIn()
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    const faults = createFaults()
    const store = memoryStore()
    const next = testBrowser(server, browser.clock, faultyStore(store, faults))
    next.account.setSession('eve')
    const page = await next.load()
    await expect.poll(() => page.getState().upgrade?.account?.accountId).toBe('eve')
    faults.arm('dies', 'update')
    await page.signOut().catch(() => {})
    expect(await store.read()).toMatchObject({ current: null, outbox: [{ accountId: 'eve' }, { accountId: '*' }] })
  })

  test('a sign-out whose write fails is rejected, although no identity was current, and the account still waits', async () => {
    const { server, browser } = await signedIn()
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    const faults = createFaults()
    const store = memoryStore()
    const next = testBrowser(server, browser.clock, faultyStore(store, faults))
    const first = await next.load()
    await first.signOut()
    await expect.poll(() => store.read()).toMatchObject({ current: null, outbox: [] })
    first.close()
    next.account.setSession('eve')
    const page = await next.load()
    await expect.poll(() => page.getState().upgrade?.account?.accountId).toBe('eve')
    faults.arm('rejects', 'update')
    await expect(page.signOut()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(page.getState()).toMatchObject({ phase: 'pending', upgrade: { account: { accountId: 'eve' } } })
    faults.arm('answerLost', 'update')
    await page.signOut()
    expect(page.getState().upgrade).toBeUndefined()
    await expect.poll(() => next.account.session).toBeNull()
    page.close()
  })

  test('the next person gets a new identity', async () => {
    const { auth, principal } = await signedIn()
    await auth.signOut()
    const session = await auth.ensureIdentity()
    expect(session.principal).not.toBe(principal)
  })
})

test.each([{ forget: 'no' }, { force: 1 }, { forget: null }])(
  '%j is a mistake, and nothing is left',
  async (options) => {
    const { auth, browser, principal } = await signedIn()
    const before = await browser.store.read()
    await expect(auth.signOut(options as object)).rejects.toThrow(TypeError)
    expect(await browser.store.read()).toEqual(before)
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal } })
  },
)

describe('while the browser has another session', () => {
  /** Signed out without a network; then the browser's session is this one. */
  async function thenSession(change: (found: AccountSession) => Partial<AccountSession> | null) {
    const world = await signedIn()
    const { auth, browser } = world
    const { provider } = browser.account
    const found = (await provider.getSession())!
    browser.account.online = false
    await auth.signOut()
    browser.account.online = true
    world.browser.clock.advance(60_000)
    const changed = change(found)
    vi.spyOn(provider, 'getSession').mockResolvedValue(changed && { ...found, ...changed })
    const signOut = vi.spyOn(provider, 'signOut').mockResolvedValue()
    return { ...world, found, signOut, provider }
  }
  const outboxOf = async ({ browser }: Awaited<ReturnType<typeof signedIn>>) =>
    ((await browser.store.read()) as Keyring).outbox

  async function delivered(world: Awaited<ReturnType<typeof thenSession>>) {
    const auth = await world.browser.load()
    const calls = vi.mocked(world.provider.getSession).mock
    await vi.waitFor(() => expect(calls.settledResults.length).toBeGreaterThanOrEqual(2), { timeout: 30_000 })
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    return auth
  }

  test('the sign-out names its session', async () => {
    const world = await thenSession(() => null)
    expect(world.found.id).toEqual(expect.any(String))
    expect(await outboxOf(world)).toMatchObject([{ sessionId: world.found.id }, { accountId: '*' }])
  })

  test("an impersonated account's session ends too, and is not offered again", async () => {
    const world = await thenSession(({ accountId }) => ({
      id: 'impersonated',
      accountId: 'bob',
      principal: 'bob',
      impersonatedBy: accountId,
      age: 120_000,
    }))
    world.signOut.mockRejectedValue(new LatchkeyError('PROVIDER_FAILED'))
    const auth = await delivered(world)
    expect(world.signOut).toHaveBeenCalled()
    expect(await outboxOf(world)).toHaveLength(2)
    expect(auth.getState().upgrade?.account).toBeUndefined()
    world.signOut.mockResolvedValue()
    await delivered(world)
    await expect.poll(() => outboxOf(world)).toEqual([])
    expect(world.signOut.mock.lastCall).toMatchObject([{ session: { id: 'impersonated' } }])
  })

  test('a newer session of the same account is not ended by a late sign-out', async () => {
    const world = await thenSession(() => ({ id: 'newer', age: 1000 }))
    await delivered(world)
    expect(world.signOut).not.toHaveBeenCalled()
  })

  test('a session of the same account that was there before the sign-out ends with it', async () => {
    const world = await thenSession(() => ({ id: 'renewed', age: 90_000 }))
    world.signOut.mockImplementation(async () => void vi.mocked(world.provider.getSession).mockResolvedValue(null))
    await delivered(world)
    await expect.poll(() => outboxOf(world)).toEqual([])
    expect(world.signOut).toHaveBeenCalledTimes(1)
  })

  test('the sign-out is kept until its session is gone', async () => {
    const world = await thenSession(() => ({ id: 'of-bob', accountId: 'bob', principal: 'bob', age: 1000 }))
    const isEnded = vi.fn(async (_sessionId: string) => false)
    Object.assign(world.provider, { isEnded })
    await delivered(world)
    expect(await outboxOf(world)).toHaveLength(1)
    expect(isEnded.mock.lastCall?.[0]).toBe(world.found.id)
    expect(world.signOut).not.toHaveBeenCalled()
    isEnded.mockResolvedValue(true)
    await delivered(world)
    await expect.poll(() => outboxOf(world)).toEqual([])
    expect(world.signOut).not.toHaveBeenCalled()
  })

  test('which became the current account, it is confirmed, although the sign-out cannot be delivered', async () => {
    const world = await signedIn()
    const { auth, browser, server } = world
    const { provider } = browser.account
    browser.account.online = false
    await auth.signOut()
    auth.close()
    browser.clock.advance(1)
    const bob = { accountId: 'bob', principal: 'bob', aliases: [], recoverable: true, claims: {} }
    server.accounts.set('bob', bob)
    browser.account.setSession('bob')
    Object.assign(provider, { isEnded: async () => false })
    browser.account.online = true
    const page = await browser.load()
    await vi.waitFor(() => expect(page.getState().upgrade?.account).toBeDefined(), { timeout: 30_000 })
    expect(await page.acceptAccount()).toMatchObject({ session: { principals: ['bob'] } })
    page.close()
    server.accounts.set('bob', { ...bob, aliases: ['another-principal'] })
    const { getSession } = provider
    vi.spyOn(provider, 'getSession').mockImplementation(async (options) => {
      // Longer than a delivery takes to begin.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      return getSession(options)
    })
    const next = await browser.load()
    await vi.waitFor(() => expect(next.getState().session?.principals).toEqual(['bob', 'another-principal']), {
      timeout: 30_000,
    })
    expect(await outboxOf(world)).toHaveLength(1)
    next.close()
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

  test('one that this page did not show stays, and stays current', async () => {
    const browser = testBrowser()
    const beforeSignOut = vi.fn(() => ({ unsynced: 0 }))
    const auth = await browser.load({ beforeSignOut })
    const other = await browser.load()
    await other.signOut({ forget: true })
    const { principal } = await other.ensureIdentity()
    await expect(auth.signOut({ forget: true })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal } })
    expect(await browser.store.read()).toMatchObject({ entries: [{ principal }], current: `device:${principal}` })
    await auth.signOut({ forget: true })
    expect(await browser.store.read()).toMatchObject({ entries: [], current: null })
  })

  test('that another page signed out is signed out', async () => {
    const browser = testBrowser()
    const [auth, other] = [await browser.load(), await browser.load()]
    await other.signOut()
    await auth.signOut()
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous' })
    expect(await auth.listIdentities()).toHaveLength(1)
  })

  test('that another page signed out is deleted where that is asked for, and no other one', async () => {
    const browser = testBrowser()
    const [auth, other] = [await browser.load(), await browser.load()]
    await other.signOut()
    const { principal } = await other.ensureIdentity()
    await other.signOut()
    await auth.signOut({ forget: true })
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous' })
    expect((await auth.listIdentities()).map((identity) => identity.principal)).toEqual([principal])
  })

  test('another one cannot be resumed over a current identity', async () => {
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

  test.each([
    ['NaN', { unsynced: NaN }],
    ['no count', {}],
    ['a text', { unsynced: 'many' }],
    ['a text that is a number', { unsynced: '0' }],
    ['a list', { unsynced: [] }],
    ['infinity', { unsynced: -Infinity }],
    ['a bare number', 3],
    ['a bare zero', 0],
    ['a truth', true],
    ['a falsehood', false],
    ['an empty text', ''],
  ])('also vetoes if the answer is invalid: %s', async (_, answer) => {
    const auth = await testBrowser().load({ beforeSignOut: () => answer as never })
    const before = auth.getState()
    await expect(auth.signOut()).rejects.toMatchObject({ code: 'UNSYNCED_DATA' })
    expect(auth.getState()).toEqual(before)
    await auth.signOut({ force: true })
  })

  test.each([[undefined], [null], [{ unsynced: 0 }], [{ unsynced: -1 }]])('does not veto: %o', async (answer) => {
    const auth = await testBrowser().load({ beforeSignOut: () => answer as never })
    await auth.signOut()
    expect(auth.getState().authMode).toBe('anonymous')
  })

  test.each([
    [
      'throws',
      (failure: Error) => () => {
        throw failure
      },
    ],
    ['rejects', (failure: Error) => () => Promise.reject(failure)],
  ])('that cannot be counted vetoes too: the app %s', async (_, failing) => {
    const failure = new Error('database is gone')
    const auth = await testBrowser().load({ beforeSignOut: failing(failure) })
    await expect(auth.signOut()).rejects.toMatchObject({ code: 'UNSYNCED_DATA', cause: failure })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
    await auth.signOut({ force: true })
  })
})

test('a confirmed session that is gone is told, and the person stays who they are', async () => {
  const { browser, principal } = await signedIn()
  browser.account.setSession(null)
  const auth = await browser.load()
  await expect.poll(() => auth.getState().error).toBe('missing')
  expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
})

describe('a session of another user at the account server', () => {
  const someoneElse = {
    'of another account': (server: MemoryAccountServer) =>
      void server.accounts.set('eve', {
        accountId: 'eve',
        principal: 'eve',
        aliases: [],
        recoverable: true,
        claims: {},
      }),
    'of an account that says another principal now': (server: MemoryAccountServer) =>
      void server.accounts.set('eve', { ...server.accounts.get('ada')!, principal: 'another' }),
    'of another account with the same principal': (server: MemoryAccountServer) =>
      void server.accounts.set('eve', { ...server.accounts.get('ada')!, accountId: 'eve' }),
  }
  for (const [name, plant] of Object.entries(someoneElse)) {
    test(`${name} is told, and changes nothing here`, async () => {
      const { browser, principal, server } = await signedIn()
      const before = await browser.store.read()
      plant(server)
      browser.account.setSession('eve')
      const auth = await browser.load()
      await expect.poll(() => auth.getState().error).toBe('missing')
      expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
      expect(await browser.store.read()).toEqual(before)
    })
  }
})

test('what the server says of one account says nothing of another one on the device', async () => {
  const { server, browser } = await signedIn()
  const other: AccountEntry = {
    kind: 'account',
    accountId: 'other',
    principal: 'other',
    aliases: ['o'],
    recoverable: false,
    claims: {},
    verifiedAt: 1,
  }
  await browser.store.update((found) => ({ ...(found as Keyring), entries: [...(found as Keyring).entries, other] }))
  server.accounts.get('ada')!.recoverable = true
  const auth = await browser.load()
  await expect.poll(() => auth.getState().storage.durability).toBe('recoverable')
  expect(((await browser.store.read()) as Keyring).entries).toContainEqual(other)
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
