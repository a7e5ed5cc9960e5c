import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import type { Keyring } from '../../keystore/record.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import type { UpgradeResult } from '../auth.ts'
import { hasLooked, testBrowser } from '../client.testing.ts'

function world() {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  return { clock, server, browser: () => testBrowser(server, clock) }
}

function codeOf(result: UpgradeResult): string | undefined {
  return result.outcome === 'failed' ? result.error.code : undefined
}

describe('upgraded', () => {
  test('a sign-up keeps the principal (checklist 6: the same principal)', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    const { session } = auth.getState()
    const result = await auth.upgrade(() => browser.account.signUp('ada'))
    expect(result).toMatchObject({
      outcome: 'upgraded',
      session: { principal: session!.principal, authMode: 'external' },
    })
    expect(auth.getState()).toMatchObject({
      authMode: 'external',
      phase: 'ready',
      session: { principal: session!.principal },
    })
  })

  test('it stays so over reloads, offline too', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    browser.account.online = false
    expect((await browser.load()).getState()).toEqual(auth.getState())
  })

  test('also when the answer to the sign-up was lost, by signing in', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    const before = auth.getState()
    const lost = await auth.upgrade(async () => {
      browser.account.loseNextAnswer = true
      await browser.account.signUp('ada').finally(() => browser.account.setSession(null))
    })
    expect(codeOf(lost)).toBe('OFFLINE')
    expect(auth.getState()).toEqual({ ...before, upgrade: { failure: 'OFFLINE' } })
    const again = await auth.upgrade(() => browser.account.signIn('ada'))
    expect(again).toMatchObject({ outcome: 'upgraded', session: { principal: before.session!.principal } })
    expect(auth.getState().upgrade).toBeUndefined()
  })

  test('at once when only the answer was lost but the session is there', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    const result = await auth.upgrade(() => {
      browser.account.loseNextAnswer = true
      return browser.account.signUp('ada')
    })
    expect(result.outcome).toBe('upgraded')
  })

  test("for an alias of the account, with the account's own principal", async () => {
    const { server, browser } = world()
    const device = browser()
    const auth = await device.load()
    const { principal } = auth.getState().session!
    server.accounts.set('ada', {
      accountId: 'a',
      principal: 'canonical',
      aliases: [principal],
      recoverable: true,
      claims: {},
    })
    const result = await auth.upgrade(() => device.account.signIn('ada'))
    expect(result).toMatchObject({
      outcome: 'upgraded',
      session: { principal: 'canonical', principals: ['canonical', principal] },
    })
  })

  test('again, after the session was lost: the same account resumes', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    browser.account.setSession(null)
    await auth.getToken().catch(() => {})
    expect(auth.getState().error).toBe('missing')
    const result = await auth.upgrade(() => browser.account.signIn('ada'))
    expect(result.outcome).toBe('upgraded')
    expect(auth.getState().error).toBeUndefined()
  })

  test('again, by a request that keeps the session, such as one that verifies an address', async () => {
    const { server, browser } = world()
    const device = browser()
    const auth = await device.load()
    await auth.upgrade(() => device.account.signUp('ada'))
    server.accounts.get('ada')!.recoverable = true
    expect(await auth.upgrade(() => device.account.requestLink('ada@example.com'))).toMatchObject({
      outcome: 'upgraded',
    })
    expect(auth.getState().storage.durability).toBe('recoverable')
  })

  test('and again with the claims that were known, and one entry for the account', async () => {
    const { server, browser } = world()
    const device = browser()
    const auth = await device.load()
    await auth.upgrade(() => device.account.signUp('ada'))
    server.accounts.get('ada')!.claims = { role: 'editor' }
    await auth.getToken()
    await auth.upgrade(() => device.account.signIn('ada'))
    expect(auth.getState().session?.claims).toEqual({ role: 'editor' })
    expect(((await device.store.read()) as Keyring).entries.map(({ kind }) => kind)).toEqual(['device', 'account'])
  })
})

describe('switched', () => {
  async function elsewhere() {
    const all = world()
    const first = all.browser()
    const auth = await first.load()
    await auth.upgrade(() => first.account.signUp('ada'))
    return { ...all, ada: auth.getState().session!.principal }
  }

  test('a device that holds nothing takes the account without a question, and sets its own identity aside', async () => {
    const { browser, ada } = await elsewhere()
    const second = browser()
    const changes = vi.fn()
    const auth = await second.load({ describeLocal: () => ({ items: 0 }), onPrincipalChange: changes })
    const own = auth.getState().session!.principal
    const result = await auth.upgrade(() => second.account.signIn('ada'))
    expect(result).toMatchObject({ outcome: 'switched', session: { principal: ada } })
    expect(changes).toHaveBeenCalledExactlyOnceWith({ from: own, to: ada, reason: 'upgradeCompleted' })
    expect(await second.store.read()).toMatchObject({
      entries: [
        { kind: 'device', principal: own },
        { kind: 'account', principal: ada },
      ],
    })
  })

  test('an anonymous device has nothing to set aside', async () => {
    const { browser, ada } = await elsewhere()
    const second = browser()
    const auth = await second.load({ initialMode: 'anonymous' })
    expect(await auth.upgrade(() => second.account.signIn('ada'))).toMatchObject({
      outcome: 'switched',
      session: { principal: ada },
    })
  })

  const signsOfData = {
    'the app says that it holds something': { options: { describeLocal: () => ({ items: 2, label: '2 notes' }) } },
    'the app cannot say what it holds': {
      options: {
        describeLocal: () => {
          throw new Error('database is gone')
        },
      },
    },
    'the app says nonsense': { options: { describeLocal: () => ({}) as never } },
    'a write was recorded': {
      prepare: (auth: Awaited<ReturnType<ReturnType<typeof testBrowser>['load']>>) => auth.markWritten(),
    },
    'a key was derived': {
      prepare: (auth: Awaited<ReturnType<ReturnType<typeof testBrowser>['load']>>) => auth.deriveKey('notes'),
    },
  } as const

  for (const [name, { options = {}, prepare }] of Object.entries(signsOfData) as [
    string,
    { options?: object; prepare?: (auth: unknown) => Promise<unknown> },
  ][]) {
    test(`not where ${name}: a conflict, with everything as before`, async () => {
      const { browser } = await elsewhere()
      const second = browser()
      const auth = await second.load(options)
      await prepare?.(auth)
      const before = auth.getState()
      const result = await auth.upgrade(() => second.account.signIn('ada'))
      expect(result).toMatchObject({ outcome: 'conflict', conflict: { isTaken: false } })
      expect(auth.getState()).toEqual({ ...before, phase: 'conflict', upgrade: { conflict: expect.anything() } })
      expect((await second.load()).getState().session).toEqual(before.session)
      expect(second.account.session).toBe('ada')
    })
  }

  test('nor where the identity was imported: it exists elsewhere too', async () => {
    const { browser } = await elsewhere()
    const second = browser()
    await second.load()
    await second.store.update((found) => {
      const keyring = found as Keyring
      return { ...keyring, entries: keyring.entries.map((entry) => ({ ...entry, origin: 'imported' })) }
    })
    const auth = await second.load()
    expect((await auth.upgrade(() => second.account.signIn('ada'))).outcome).toBe('conflict')
  })

  test('the session of a conflict is ended later where the server cannot be reached then', async () => {
    const { browser } = await elsewhere()
    const second = browser()
    const auth = await second.load({ describeLocal: () => ({ items: 1 }) })
    vi.spyOn(second.account.provider, 'signOut').mockRejectedValueOnce(new LatchkeyError('OFFLINE'))
    expect((await auth.upgrade(() => second.account.signIn('ada'))).outcome).toBe('conflict')
    await auth.cancelUpgrade()
    expect(await second.store.read()).toMatchObject({ outbox: [{ kind: 'sign-out' }] })
    await second.load()
    await expect.poll(() => second.store.read()).toMatchObject({ outbox: [] })
    expect(await second.account.provider.getSession()).toBeNull()
  })

  test('nor where describing takes for ever', async () => {
    const { browser } = await elsewhere()
    const second = browser()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let asked = (): void => {}
    const isAsked = new Promise<void>((resolve) => (asked = resolve))
    const auth = await second.load({ describeLocal: () => (asked(), new Promise<never>(() => {})) })
    const running = auth.upgrade(() => second.account.signIn('ada'))
    await isAsked
    vi.advanceTimersByTime(2000)
    expect((await running).outcome).toBe('conflict')
    vi.useRealTimers()
  })

  test('nor from one account to another', async () => {
    const { browser } = await elsewhere()
    const second = browser()
    const auth = await second.load()
    await auth.upgrade(() => second.account.signUp('bob'))
    const before = auth.getState()
    expect(await auth.upgrade(() => second.account.signIn('ada'))).toMatchObject({
      outcome: 'taken',
      error: { code: 'PRINCIPAL_TAKEN' },
      conflict: { isTaken: true },
    })
    expect(auth.getState()).toMatchObject({ phase: 'conflict', authMode: 'external', session: before.session })
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'PRINCIPAL_TAKEN' } })
    await auth.cancelUpgrade()
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: before.session })
    expect(second.account.session).toBeNull()
  })
})

describe('failed', () => {
  test("a refusal leaves the state before, with the provider's error", async () => {
    const browser = world().browser()
    const auth = await browser.load()
    const before = auth.getState()
    const record = await browser.store.read()
    const result = await auth.upgrade(() => browser.account.signIn('nobody'))
    expect(result).toMatchObject({
      outcome: 'failed',
      error: { code: 'PROVIDER_REFUSED', cause: { message: 'unknown' } },
    })
    expect(auth.getState()).toEqual({ ...before, upgrade: { failure: 'PROVIDER_REFUSED' } })
    expect(await browser.store.read()).toEqual(record)
  })

  for (const mistake of [
    new TypeError("Cannot read properties of undefined (reading 'value')"),
    new ReferenceError('x'),
  ])
    test(`a ${mistake.name} of the app inside run is neither the network nor the provider`, async () => {
      const auth = await world().browser().load()
      const result = await auth.upgrade(() => Promise.reject(mistake))
      expect(result).toMatchObject({ outcome: 'failed', error: { code: 'RUN_FAILED', cause: mistake } })
      expect(auth.getState()).toMatchObject({ phase: 'ready', upgrade: { failure: 'RUN_FAILED' } })
    })

  for (const message of [
    'Failed to fetch',
    'NetworkError when attempting to fetch resource.',
    'Load failed',
    'fetch failed',
  ])
    test(`what fetch throws without a network is OFFLINE: ${message}`, async () => {
      const auth = await world().browser().load()
      expect(codeOf(await auth.upgrade(() => Promise.reject(new TypeError(message))))).toBe('OFFLINE')
    })

  test('so does a run that throws', async () => {
    const auth = await world().browser().load()
    const cause = new Error('the person closed the window')
    expect(
      await auth.upgrade(() => {
        throw cause
      }),
    ).toMatchObject({ outcome: 'failed', error: { code: 'PROVIDER_REFUSED', cause } })
    expect(auth.getState().phase).toBe('ready')
  })

  test('so does a network that is gone', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    browser.account.online = false
    expect(codeOf(await auth.upgrade(() => browser.account.signUp('ada')))).toBe('OFFLINE')
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
  })

  test('so does a store that takes no write at the end', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    const before = auth.getState()
    const update = browser.store.update.bind(browser.store)
    const failing = vi.spyOn(browser.store, 'update')
    failing
      .mockImplementationOnce(update)
      .mockRejectedValueOnce(
        Object.assign(new Error('full'), { code: 'KEYSTORE_UNAVAILABLE', [Symbol.for('latchkey.error')]: true }),
      )
    expect(codeOf(await auth.upgrade(() => browser.account.signUp('ada')))).toBe('KEYSTORE_UNAVAILABLE')
    expect(auth.getState()).toMatchObject({ session: before.session, authMode: 'local-first' })
    expect(await auth.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
  })

  test('a principal that belongs to another account', async () => {
    const { server, browser } = world()
    const device = browser()
    const auth = await device.load()
    const { principal } = auth.getState().session!
    server.accounts.set('eve', { accountId: 'e', principal, aliases: [], recoverable: false, claims: {} })
    expect(await auth.upgrade(() => device.account.signUp('ada'))).toMatchObject({
      outcome: 'taken',
      error: { code: 'PRINCIPAL_TAKEN' },
    })
  })

  test('a refusal while the account is signed in: the session that it has is no success', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    const { session } = auth.getState()
    expect(codeOf(await auth.upgrade(() => browser.account.signIn('nobody')))).toBe('PROVIDER_REFUSED')
    expect(codeOf(await auth.upgrade(() => {}))).toBe('PROOF_NOT_SENT')
    expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready', session })
    expect(await auth.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
  })

  test('a session that was planted before gains nothing from a run without a sign-in', async () => {
    const { server, browser } = world()
    const device = browser()
    server.accounts.set('eve', { accountId: 'e', principal: 'eve', aliases: [], recoverable: false, claims: {} })
    device.account.setSession('eve')
    const auth = await device.load()
    const before = auth.getState()
    expect(codeOf(await auth.upgrade(() => {}))).toBe('PROOF_NOT_SENT')
    expect(auth.getState().session).toEqual(before.session)
  })
})

describe('two acts at once', () => {
  test('a second upgrade in the same tab is refused and changes nothing', async () => {
    const browser = world().browser()
    const auth = await browser.load()
    let finish = (): void => {}
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const first = auth.upgrade(() => gate.then(() => browser.account.signUp('ada')))
    await expect(auth.upgrade(() => browser.account.signUp('bob'))).rejects.toMatchObject({
      code: 'UPGRADE_IN_PROGRESS',
    })
    await expect(auth.signOut()).rejects.toMatchObject({ code: 'UPGRADE_IN_PROGRESS' })
    await expect(auth.ensureIdentity()).rejects.toMatchObject({ code: 'UPGRADE_IN_PROGRESS' })
    finish()
    expect((await first).outcome).toBe('upgraded')
  })

  test('an identity that another tab changed meanwhile is not overwritten', async () => {
    const browser = world().browser()
    const [here, there] = [await browser.load(), await browser.load()]
    const result = await here.upgrade(async () => {
      await there.signOut()
      return browser.account.signUp('ada')
    })
    expect(codeOf(result)).toBe('IDENTITY_CHANGED')
    expect(await browser.store.read()).toMatchObject({ current: null })
  })
})

describe('an identity that another tab changed before', () => {
  async function twoTabs() {
    const browser = world().browser()
    const [here, there] = [await browser.load(), await browser.load()]
    await hasLooked(browser, 2)
    const run = vi.fn(() => browser.account.signUp('ada'))
    return { browser, here, there, run }
  }

  test('by signing out: nothing is sent under the one that this tab still shows', async () => {
    const { browser, here, there, run } = await twoTabs()
    await there.signOut()
    expect(codeOf(await here.upgrade(run))).toBe('IDENTITY_CHANGED')
    expect(run).not.toHaveBeenCalled()
    expect(await browser.store.read()).toMatchObject({ current: null })
  })

  test('by upgrading it: no second account is made', async () => {
    const { browser, here, there, run } = await twoTabs()
    await there.upgrade(() => browser.account.signUp('bob'))
    expect(codeOf(await here.upgrade(run))).toBe('IDENTITY_CHANGED')
    expect(run).not.toHaveBeenCalled()
    expect(await browser.store.read()).toMatchObject({ current: 'account:account-1' })
  })

  test.each(['signing out', 'upgrading it'])(
    'by %s, of which a write has told this tab: nothing is sent under the one that it still shows',
    async (how) => {
      const { browser, here, there, run } = await twoTabs()
      await (how === 'signing out' ? there.signOut() : there.upgrade(() => browser.account.signUp('bob')))
      await here.markWritten()
      expect(codeOf(await here.upgrade(run))).toBe('IDENTITY_CHANGED')
      expect(run).not.toHaveBeenCalled()
    },
  )
})

test('without an account provider, or without a function, upgrade is a TypeError', async () => {
  const browser = world().browser()
  await expect((await browser.load({ account: undefined } as never)).upgrade(() => {})).rejects.toBeInstanceOf(
    TypeError,
  )
  await expect((await browser.load()).upgrade('signUp' as never)).rejects.toBeInstanceOf(TypeError)
})
