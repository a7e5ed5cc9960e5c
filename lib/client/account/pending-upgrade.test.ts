import { describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../../keystore/record.ts'
import { entryId, parseKeyring } from '../../keystore/keyring.ts'
import { manualClock } from '../../testing/clock.ts'
import { type MemoryAccount, memoryAccountServer } from '../../testing/memory-account.ts'
import { type TestBrowser, hasLooked, testBrowser, testWindow } from '../client.testing.ts'
import type { Auth } from '../auth.ts'

const HOUR = 60 * 60_000
const ADA = 'ada@example.com'

async function world() {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const browser = testBrowser(server, clock)
  const auth = await browser.load()
  await hasLooked(browser)
  return { clock, server, browser, auth, principal: auth.getState().session!.principal }
}

/** Ada's link was followed: a session of hers is there, in this browser. */
function followLink(
  { browser, server }: Awaited<ReturnType<typeof world>>,
  account: Partial<MemoryAccount> = {},
): void {
  server.accounts.set('ada', {
    accountId: 'account-ada',
    principal: 'account-ada',
    aliases: [],
    recoverable: true,
    claims: {},
    open: true,
    identifiers: [ADA],
    ...account,
  })
  browser.account.setSession('ada')
}

async function keyringOf({ store }: TestBrowser): Promise<Keyring> {
  return parseKeyring(await store.read())!
}

async function waiting(given: Awaited<ReturnType<typeof world>>): Promise<void> {
  expect(await given.auth.upgrade(() => given.browser.account.requestLink(ADA))).toMatchObject({
    outcome: 'pending',
    pending: { expected: ADA },
  })
}

const settled = (auth: Auth, expected: object): Promise<void> =>
  vi.waitFor(() => expect(auth.getState()).toMatchObject(expected), { timeout: 30_000 })

describe('an upgrade without a session yet', () => {
  test('is pending, over reloads too, and the identity stays current', async () => {
    const given = await world()
    await waiting(given)
    const pending = { expected: ADA, expiresAt: given.clock.now() + HOUR }
    expect(given.auth.getState()).toMatchObject({ phase: 'pending', authMode: 'local-first', upgrade: { pending } })
    expect((await given.browser.load()).getState()).toMatchObject({
      phase: 'pending',
      session: { principal: given.principal },
      upgrade: { pending },
    })
  })

  test('completes by itself for the account that has proven what the person typed', async () => {
    const given = await world()
    await waiting(given)
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'ready', authMode: 'external', session: { principal: given.principal } })
    expect(given.server.accounts.get('ada')).toMatchObject({ principal: given.principal, open: false })
    expect((await keyringOf(given.browser)).intent).toBeNull()
  })

  test('however the person writes the address', async () => {
    const given = await world()
    await given.auth.upgrade(() => given.browser.account.requestLink(' Ada@Example.com '))
    followLink(given)
    await settled(await given.browser.load(), { authMode: 'external' })
  })

  test('never for an account that has proven another', async () => {
    const given = await world()
    await waiting(given)
    followLink(given, { identifiers: ['eve@example.com'] })
    const auth = await given.browser.load()
    await settled(auth, {
      phase: 'pending',
      upgrade: { account: { accountId: 'account-ada', identifiers: ['eve@example.com'] } },
    })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal: given.principal } })
    expect(given.server.accounts.get('ada')).toMatchObject({ principal: 'account-ada', open: true })
  })

  test('nor for one that has proven nothing', async () => {
    const given = await world()
    await waiting(given)
    followLink(given, { identifiers: [] })
    const auth = await given.browser.load()
    await settled(auth, { upgrade: { account: { identifiers: [] } } })
    expect(auth.getState().authMode).toBe('local-first')
  })

  test('switches without a question where the device holds nothing, and is a conflict where it holds something', async () => {
    const given = await world()
    await waiting(given)
    followLink(given, { open: false, principal: 'ada' })
    await given.auth.markWritten()
    const auth = await given.browser.load()
    await settled(auth, {
      phase: 'conflict',
      upgrade: { conflict: { account: { principal: 'ada' } } },
      session: { principal: given.principal },
    })

    const other = await world()
    await waiting(other)
    followLink(other, { open: false, principal: 'ada' })
    await settled(await other.browser.load(), { authMode: 'external', session: { principal: 'ada' } })
  })

  test('ends by itself after an hour', async () => {
    const given = await world()
    await waiting(given)
    given.clock.advance(HOUR + 1)
    const auth = await given.browser.load()
    expect(auth.getState().phase).toBe('ready')
    expect(auth.getState().upgrade).toBeUndefined()
  })

  test('is continued by the next attempt, which keeps what was typed', async () => {
    const given = await world()
    await waiting(given)
    const { id } = (await keyringOf(given.browser)).intent!
    expect(await given.auth.upgrade(() => given.browser.account.signIn('nobody'))).toMatchObject({ outcome: 'failed' })
    expect(given.auth.getState()).toMatchObject({
      phase: 'pending',
      upgrade: { failure: 'PROVIDER_REFUSED', pending: { expected: ADA } },
    })
    expect((await keyringOf(given.browser)).intent).toMatchObject({ id, expected: ADA })
    expect(await given.auth.upgrade(() => given.browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
  })

  test('ends when it is cancelled', async () => {
    const given = await world()
    await waiting(given)
    await given.auth.cancelUpgrade()
    expect(given.auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending', upgrade: { account: {} } })
    expect(auth.getState().authMode).toBe('local-first')
  })

  test('ends when the account that is current has a session again', async () => {
    const given = await world()
    const { auth, browser } = given
    await auth.upgrade(() => browser.account.signUp('ada'))
    browser.account.setSession(null)
    await auth.getToken().catch(() => {})
    await waiting(given)
    const other = await browser.load()
    expect(other.getState()).toMatchObject({ phase: 'pending', authMode: 'external' })
    browser.account.setSession('ada')
    auth.close()
    other.close()
    await settled(await browser.load(), { phase: 'ready', authMode: 'external' })
    expect((await keyringOf(browser)).intent).toBeNull()
  })

  test('does not end while the account that is current has the session that it had before', async () => {
    const given = await world()
    const { auth, browser, clock } = given
    await auth.upgrade(() => browser.account.signUp('ada'))
    // The page is left for a provider, where the user stops.
    void auth.upgrade(() => new Promise(() => {}))
    await vi.waitFor(async () => expect((await keyringOf(browser)).intent).not.toBeNull(), { timeout: 30_000 })
    clock.advance(1000)
    const back = await browser.load()
    const isConfirmed = expect.objectContaining({ kind: 'account', verifiedAt: clock.now() })
    await vi.waitFor(async () => expect((await keyringOf(browser)).entries).toContainEqual(isConfirmed), {
      timeout: 30_000,
    })
    expect(back.getState()).toMatchObject({ phase: 'pending', authMode: 'external' })
    expect((await keyringOf(browser)).intent).not.toBeNull()
  })

  test('leaves with the person who began it', async () => {
    const given = await world()
    await waiting(given)
    await given.auth.signOut()
    given.browser.clock.advance(1)
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending', upgrade: { account: {} } })
    expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
  })
})

describe('a session that appears outside', () => {
  test("waits for the user's confirmation", async () => {
    const given = await world()
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending', upgrade: { account: { accountId: 'account-ada', identifiers: [ADA] } } })
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'upgraded', session: { principal: given.principal } })
    expect(given.server.accounts.get('ada')!.aliases).toEqual(['account-ada'])
  })

  test('is ended when the person does not want it', async () => {
    const given = await world()
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending' })
    await auth.cancelUpgrade()
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
    expect(await given.browser.account.provider.getSession()).toBeNull()
  })

  test('is another one by the time of the word: nothing is taken', async () => {
    const given = await world()
    followLink(given)
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending' })
    given.server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    given.browser.account.setSession('eve')
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal: given.principal } })
  })

  test('changes right after the confirmation: a decision about one account is not applied to another', async () => {
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    const auth = await given.browser.load()
    await settled(auth, { phase: 'pending', upgrade: { account: { accountId: 'account-ada' } } })
    await auth.markWritten()
    given.server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'conflict' })
    const { provider } = given.browser.account
    const { getSession } = provider
    // A session is planted between the look at the account and the step that makes it current.
    vi.spyOn(provider, 'getSession').mockImplementation(async (options) => {
      if (!options?.peek) given.browser.account.setSession('eve')
      return getSession(options)
    })
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'failed',
      error: { code: 'IDENTITY_CHANGED' },
    })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal: given.principal } })
    expect(given.server.accounts.get('eve')!.aliases).toEqual([])
  })

  test.each([
    ['without the option', {}],
    ['once the time is over', { migrateSessionsUntil: 'now' }],
  ] as const)(
    'waits at the first start on a device %s',
    async (_, { migrateSessionsUntil }: { migrateSessionsUntil?: string }) => {
      const given = await world()
      followLink(given, { open: false, principal: 'account-ada' })
      const installed = testBrowser(given.server, given.clock)
      installed.account.setSession('ada')
      const auth = await installed.load(migrateSessionsUntil ? { migrateSessionsUntil: given.clock.now() } : {})
      await settled(auth, { authMode: 'local-first', phase: 'pending', upgrade: { account: {} } })
    },
  )

  test('is taken at the first start while an app moves its users to Latchkey', async () => {
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    const installed = testBrowser(given.server, given.clock)
    installed.account.setSession('ada')
    const auth = await installed.load({ migrateSessionsUntil: given.clock.now() + 1 })
    await settled(auth, { authMode: 'external', session: { principal: 'account-ada' } })
    expect((await keyringOf(installed)).entries.map(({ kind }) => kind).sort()).toEqual(['account', 'device'])
  })

  test('also where the account server could not be reached at first', async () => {
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    const installed = testBrowser(given.server, given.clock)
    installed.account.setSession('ada')
    installed.account.online = false
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const auth = await installed.load({ migrateSessionsUntil: given.clock.now() + 1 })
      await vi.advanceTimersByTimeAsync(4999)
      installed.account.online = true
      await vi.advanceTimersByTimeAsync(1)
      expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal: 'account-ada' } })
    } finally {
      vi.useRealTimers()
    }
  })

  /** A device whose first page has not received an answer of the account server. */
  async function unasked() {
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    const installed = testBrowser(given.server, given.clock)
    installed.account.setSession('ada')
    installed.account.online = false
    const options = { migrateSessionsUntil: given.clock.now() + 2 }
    const first = await installed.load(options)
    await expect
      .poll(async () => (await keyringOf(installed)).entries, { timeout: 30_000 })
      .toMatchObject([{ isUnasked: true }])
    return { installed, options, first }
  }

  test('also where the page was left before the account server answered', async () => {
    const { installed, options, first } = await unasked()
    first.close()
    installed.account.online = true
    const next = await installed.load(options)
    await settled(next, { authMode: 'external', session: { principal: 'account-ada' } })
    await expect
      .poll(async () => JSON.stringify(await keyringOf(installed)), { timeout: 30_000 })
      .not.toMatch(/"isUnasked":true/)
    next.close()
  })

  test.each([
    ['once a page got the answer that there is none', {}],
    ['after a sign-out', { isLeft: true }],
    ['once the time is over', { isOver: true }],
  ] as const)('not by a later page %s', async (_, how: { isLeft?: boolean; isOver?: boolean }) => {
    const { installed, options, first } = await unasked()
    first.close()
    if (how.isLeft) {
      const page = await installed.load(options)
      // An identity with data is set aside, an empty one deleted.
      await page.markWritten()
      await page.signOut()
      page.close()
      // A session from before it would end.
      installed.clock.advance(1)
    } else if (!how.isOver) {
      installed.account.setSession(null)
      installed.account.online = true
      const page = await installed.load(options)
      await expect
        .poll(async () => JSON.stringify(await keyringOf(installed)), { timeout: 30_000 })
        .not.toMatch(/"isUnasked":true/)
      page.close()
    }
    if (how.isOver) installed.clock.advance(2)
    installed.account.online = true
    installed.account.setSession('ada')
    const last = await installed.load(options)
    await settled(last, { phase: 'pending', upgrade: { account: { accountId: 'account-ada' } } })
    last.close()
  })

  test.each([
    ['', async () => null],
    [', for the next identity', (page: Auth) => page.ensureIdentity()],
    [', for the same identity again', (page: Auth, resume: string) => page.ensureIdentity({ resume })],
  ] as const)('not by the first page itself after a sign-out%s', async (_, goOn) => {
    const tellOnline = testWindow()
    const { installed, first } = await unasked()
    const { principal } = first.getState().session!
    await first.signOut()
    const session = await goOn(first, principal)
    // A session from before the sign-out would end.
    installed.clock.advance(1)
    installed.account.setSession('ada')
    installed.account.online = true
    tellOnline()
    await settled(first, { phase: 'pending', upgrade: { account: { accountId: 'account-ada' } } })
    expect(first.getState().session).toEqual(session)
    const { current, entries } = await keyringOf(installed)
    const isUnasked = expect.objectContaining({ isUnasked: true })
    expect(entries.filter((entry) => entryId(entry) === current)).not.toContainEqual(isUnasked)
    first.close()
  })

  test('also for the identity that a first page without one got meanwhile', async () => {
    const tellOnline = testWindow()
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    const installed = testBrowser(given.server, given.clock)
    installed.account.setSession('ada')
    installed.account.online = false
    const migrateSessionsUntil = given.clock.now() + 1
    const auth = await installed.load({ initialMode: 'anonymous', migrateSessionsUntil })
    await auth.ensureIdentity()
    installed.account.online = true
    tellOnline()
    await settled(auth, { authMode: 'external', session: { principal: 'account-ada' } })
    auth.close()
  })

  test('and never later in the same page, nor where something was made meanwhile', async () => {
    const given = await world()
    followLink(given, { open: false, principal: 'account-ada' })
    await given.auth.upgrade(() => {})
    expect(given.auth.getState().authMode).toBe('local-first')

    const installed = testBrowser(given.server, given.clock)
    installed.account.setSession('ada')
    const migrateSessionsUntil = given.clock.now() + 1
    const auth = await installed.load({ describeLocal: () => ({ items: 1 }), migrateSessionsUntil })
    await settled(auth, { phase: 'pending', upgrade: { account: {} } })
    expect(auth.getState().authMode).toBe('local-first')
  })

  test('of this very identity completes what a crash or a lost answer left behind', async () => {
    const given = await world()
    await given.auth.upgrade(async () => {
      await given.browser.account.signUp('ada')
      given.browser.account.online = false
    })
    expect(given.auth.getState()).toMatchObject({
      phase: 'ready',
      authMode: 'local-first',
      upgrade: { failure: 'OFFLINE' },
    })
    given.browser.account.online = true
    await settled(await given.browser.load(), { authMode: 'external', session: { principal: given.principal } })
  })

  test('nothing to take is a failure that says so', async () => {
    const given = await world()
    expect(await given.auth.acceptAccount()).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_MISSING' } })
    expect(given.auth.getState().phase).toBe('ready')
  })
})

test('a page that dies in the middle of an attempt finds it again', async () => {
  const given = await world()
  void given.auth.upgrade(() => new Promise(() => {}))
  await vi.waitFor(async () => expect((await keyringOf(given.browser)).intent).not.toBeNull(), { timeout: 30_000 })
  expect((await given.browser.load()).getState()).toMatchObject({
    phase: 'pending',
    session: { principal: given.principal },
  })
})

test('all tabs see that an upgrade waits, and that it ended', async () => {
  const given = await world()
  const other = await given.browser.load()
  await waiting(given)
  given.browser.clock.advance(20 * 60_000)
  await other.getToken()
  expect(other.getState()).toMatchObject({ phase: 'pending', upgrade: { pending: { expected: ADA } } })
  await given.auth.cancelUpgrade()
  given.browser.clock.advance(20 * 60_000)
  await other.getToken()
  expect(other.getState()).toMatchObject({ phase: 'ready' })
})

test('two accounts cannot both take the principal: the second one is told so', async () => {
  const given = await world()
  await waiting(given)
  followLink(given)
  given.server.accounts.set('eve', {
    accountId: 'eve',
    principal: given.principal,
    aliases: [],
    recoverable: false,
    claims: {},
  })
  const auth = await given.browser.load()
  await settled(auth, { phase: 'conflict', upgrade: { conflict: { isTaken: true } } })
  expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal: given.principal } })
})

describe('a session that was planted before', () => {
  async function planted() {
    const given = await world()
    given.server.accounts.set('eve', {
      accountId: 'eve',
      principal: 'eve',
      aliases: [],
      recoverable: true,
      claims: {},
      identifiers: ['eve@example.com'],
    })
    given.browser.account.setSession('eve')
    return given
  }

  test('is not mistaken for the requested one', async () => {
    const { auth, browser, principal } = await planted()
    const waiting = { pending: { expected: ADA }, account: { accountId: 'eve', identifiers: ['eve@example.com'] } }
    expect(await auth.upgrade(() => browser.account.requestLink(ADA))).toMatchObject({ outcome: 'pending', ...waiting })
    expect(auth.getState()).toMatchObject({
      authMode: 'local-first',
      phase: 'pending',
      session: { principal },
      upgrade: waiting,
    })
  })

  test('gives way to the one that the person made', async () => {
    const { auth, browser, principal } = await planted()
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
  })

  test('is left aside where the sign-in failed', async () => {
    const { auth, browser, principal } = await planted()
    expect(await auth.upgrade(() => browser.account.signIn('nobody'))).toMatchObject({
      outcome: 'failed',
      error: { code: 'PROVIDER_REFUSED' },
    })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { principal } })
  })

  test('is taken when the person signs in to that very account', async () => {
    const { auth, browser } = await planted()
    expect(await auth.upgrade(() => browser.account.signIn('eve'))).toMatchObject({
      outcome: 'switched',
      session: { principal: 'eve' },
    })
  })
})

test('a look that ends while an upgrade runs does not end the upgrade', async () => {
  const given = await world()
  const { browser } = given
  const { provider } = browser.account
  const getSession = provider.getSession.bind(provider)
  let answer = (): void => {}
  let asked = (): void => {}
  const isAsked = new Promise<void>((resolve) => (asked = resolve))
  const mayAnswer = new Promise<void>((resolve) => (answer = resolve))
  vi.spyOn(provider, 'getSession').mockImplementationOnce(
    async (options) => (asked(), await mayAnswer, getSession(options)),
  )
  const auth = await browser.load()
  await isAsked
  const upgrading = auth.upgrade(async () => {
    await mayAnswer
    return browser.account.signUp('ada')
  })
  await vi.waitFor(() => expect(auth.getState().phase).toBe('upgrading'), { timeout: 30_000 })
  answer()
  expect(await upgrading).toMatchObject({
    outcome: 'upgraded',
    session: { principal: given.principal, authMode: 'external' },
  })
  expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'external' })
  expect(await auth.getToken()).not.toBeNull()
})
