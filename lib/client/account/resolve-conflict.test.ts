import { describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../../keystore/record.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { type TestBrowser, hasLooked, testBrowser, testWindow } from '../client.testing.ts'
import type { AuthOptions } from '../auth.ts'

const ADA = 'ada@example.com'

/** A device that holds something, and an account of the same person, made elsewhere. */
async function world(options: AuthOptions = {}) {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  server.accounts.set('ada', {
    accountId: 'account-ada',
    principal: 'ada',
    aliases: [],
    recoverable: true,
    claims: {},
    identifiers: [ADA],
  })
  const browser = testBrowser(server, clock)
  const changes: unknown[] = []
  const given = {
    harden: 'never' as const,
    onPrincipalChange: (change: unknown) => void changes.push(change),
    ...options,
  }
  const auth = await browser.load(given)
  await hasLooked(browser)
  await auth.markWritten()
  const { principal } = auth.getState().session!
  const signIn = () => auth.upgrade(() => browser.account.signIn('ada'))
  return { clock, server, browser, auth, principal, changes, signIn, load: () => browser.load(given) }
}

/** The same, in conflict. */
async function inConflict(options?: AuthOptions) {
  const given = await world(options)
  expect((await given.signIn()).outcome).toBe('conflict')
  return given
}

const keyringOf = async ({ store }: TestBrowser): Promise<Keyring> => parseKeyring(await store.read())!
const principalsOf = ({ entries }: Keyring): string[] => entries.map(({ principal }) => principal)

describe('a conflict', () => {
  test('keeps both, with the device current, and tells who is on each side', async () => {
    const { auth, browser, principal, signIn } = await world()
    const conflict = {
      principal,
      account: { accountId: 'account-ada', principal: 'ada', identifiers: [ADA] },
      isTaken: false,
    }
    expect(await signIn()).toEqual({ outcome: 'conflict', conflict })
    expect(auth.getState()).toMatchObject({
      phase: 'conflict',
      authMode: 'local-first',
      session: { principal },
      upgrade: { conflict },
    })
    expect(browser.account.session).toBe('ada')
    expect((await keyringOf(browser)).entries).toHaveLength(1)
  })

  test('survives a reload, and one without a network', async () => {
    const { browser, load, principal } = await inConflict()
    expect((await load()).getState()).toMatchObject({ phase: 'conflict', session: { principal } })
    browser.account.online = false
    expect((await load()).getState()).toMatchObject({
      phase: 'conflict',
      session: { principal },
      upgrade: { conflict: { account: { identifiers: [ADA] } } },
    })
  })

  test('lets the person go on as who they are', async () => {
    const { auth, principal } = await inConflict()
    expect(await auth.getToken()).not.toBeNull()
    await auth.markWritten()
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal } })
  })

  test('comes before another upgrade', async () => {
    const { auth, browser } = await inConflict()
    await expect(auth.upgrade(() => browser.account.signUp('eve'))).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(browser.account.session).toBe('ada')
  })

  test('ends with a sign-out, and so does the session that waits', async () => {
    const { auth, browser, load } = await inConflict()
    await auth.signOut()
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous', session: null })
    await vi.waitFor(() => expect(browser.account.session).toBeNull(), { timeout: 30_000 })
    expect((await load()).getState()).toMatchObject({ phase: 'ready', session: null })
  })

  test("is not the next person's: another current identity has none", async () => {
    const { auth, load } = await inConflict()
    const { secret } = await import('../../testing/device.ts').then(({ testDevice }) => testDevice())
    await auth.importSecret(secret, { replace: true })
    expect(auth.getState().upgrade?.conflict).toBeUndefined()
    expect((await load()).getState().upgrade?.conflict).toBeUndefined()
  })

  test('shows in all tabs, and so does its end', async () => {
    const { auth, signIn, load, clock } = await world()
    const other = await load()
    await signIn()
    clock.advance(20 * 60_000)
    await other.getToken()
    expect(other.getState().phase).toBe('conflict')
    await auth.cancelUpgrade()
    clock.advance(20 * 60_000)
    await other.getToken()
    expect(other.getState().phase).toBe('ready')
  })
})

describe('the preview', () => {
  test('tells what is on each side', async () => {
    const describeLocal = (principal: string) => ({ items: 3, label: `3 notes of ${principal}` })
    const describeAccount = async ({ principal }: { principal: string }) => ({
      items: 7,
      label: `7 notes of ${principal}`,
    })
    const { auth, principal } = await inConflict({ describeLocal, describeAccount })
    expect(await auth.previewConflict()).toMatchObject({
      principal,
      account: { principal: 'ada' },
      deviceData: { items: 3, label: `3 notes of ${principal}` },
      accountData: { items: 7, label: '7 notes of ada' },
    })
  })

  test('says nothing where the app says nothing, or fails', async () => {
    const { auth } = await inConflict({
      describeAccount: () => {
        throw new Error('no')
      },
    })
    expect(await auth.previewConflict()).toMatchObject({ deviceData: null, accountData: null })
  })

  test('of no conflict is refused', async () => {
    const { auth } = await world()
    await expect(auth.previewConflict()).rejects.toMatchObject({ code: 'CONFLICT_MISSING' })
  })
})

describe('adopt', () => {
  test("makes the device's principal an alias: the account has the data of both", async () => {
    const { auth, browser, server, principal, changes, load } = await inConflict()
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'adopted',
      session: { principal: 'ada', principals: ['ada', principal], authMode: 'external' },
    })
    expect(server.accounts.get('ada')!.aliases).toEqual([principal])
    expect(changes).toEqual([{ from: principal, to: 'ada', reason: 'adopt' }])
    expect(principalsOf(await keyringOf(browser))).toEqual([principal, 'ada'])
    expect((await load()).getState()).toMatchObject({ phase: 'ready', session: { principals: ['ada', principal] } })
  })

  test("leaves the device's key where it was, and the state says how it is kept until an undo sets it aside", async () => {
    const { auth, browser, principal, load } = await inConflict()
    await auth.resolveConflict('adopt')
    expect((await keyringOf(browser)).entries.map(({ kind, ...entry }) => [kind, 'secret' in entry])).toEqual([
      ['device', true],
      ['account', false],
    ])
    expect(auth.getState().storage.protection).toBe('extractable')
    expect((await load()).getState().storage.protection).toBe('extractable')
    await auth.unlinkAlias(principal)
    expect((await keyringOf(browser)).entries).toHaveLength(2)
    expect(auth.getState().storage.protection).toBe('none')
  })

  test('of what a key was derived from: the account alone does not bring that back, and the state says so', async () => {
    const { auth } = await inConflict()
    const { auth: derived } = await inConflict()
    await derived.deriveKey('notes')
    await auth.resolveConflict('adopt')
    await derived.resolveConflict('adopt')
    expect([auth, derived].map((each) => each.getState().storage.durability)).toEqual(['recoverable', 'ephemeral'])
  })

  test('completes where only the answer was lost', async () => {
    const { auth, browser, principal } = await inConflict()
    const { provider } = browser.account
    const link = provider.link!
    vi.spyOn(provider, 'link').mockImplementationOnce(async (prove) => {
      await link(prove)
      throw Object.assign(new Error(), { code: 'OFFLINE', [Symbol.for('latchkey.error')]: true })
    })
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(auth.getState()).toMatchObject({
      phase: 'conflict',
      session: { principal },
      upgrade: { failure: 'OFFLINE' },
    })
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'adopted',
      session: { principals: ['ada', principal] },
    })
  })

  test('without a network leaves the conflict as it is', async () => {
    const { auth, browser, principal } = await inConflict()
    browser.account.online = false
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal } })
    browser.account.online = true
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
  })

  test('where the session ended meanwhile says so, and the conflict is over', async () => {
    const { auth, browser, principal, signIn } = await inConflict()
    browser.account.setSession(null)
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_MISSING' } })
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal } })
    expect((await signIn()).outcome).toBe('conflict')
  })

  test('never links to another user who signed in on this browser since', async () => {
    const { auth, browser, server, principal } = await inConflict()
    server.accounts.set('eve', {
      accountId: 'account-eve',
      principal: 'eve',
      aliases: [],
      recoverable: true,
      claims: {},
    })
    browser.account.setSession('eve')
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_MISSING' } })
    expect(server.accounts.get('eve')!.aliases).toEqual([])
    expect(auth.getState().session!.principal).toBe(principal)
  })

  test('of a principal that another account took meanwhile is refused', async () => {
    const { auth, server, principal } = await inConflict()
    server.accounts.set('eve', { accountId: 'account-eve', principal, aliases: [], recoverable: true, claims: {} })
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'PRINCIPAL_TAKEN' } })
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal } })
  })

  test('twice at once is done once', async () => {
    const { auth, server, principal } = await inConflict()
    const outcomes = (await Promise.all([auth.resolveConflict('adopt'), auth.resolveConflict('adopt')])).map(
      ({ outcome }) => outcome,
    )
    expect(outcomes.sort()).toEqual(['adopted', 'failed'])
    expect(server.accounts.get('ada')!.aliases).toEqual([principal])
  })

  test('on five devices gives the account five aliases', async () => {
    const { server, clock } = await world()
    const principals: string[] = []
    for (let device = 0; device < 5; device++) {
      const browser = testBrowser(server, clock)
      const auth = await browser.load({ harden: 'never' })
      await auth.markWritten()
      principals.push(auth.getState().session!.principal)
      expect((await auth.upgrade(() => browser.account.signIn('ada'))).outcome).toBe('conflict')
      expect((await auth.resolveConflict('adopt')).outcome).toBe('adopted')
    }
    expect(server.accounts.get('ada')!.aliases).toEqual(principals)
  })

  test('can be taken back: the alias is its own again, and kept on the device', async () => {
    const { auth, server, principal } = await inConflict()
    await auth.resolveConflict('adopt')
    expect((await auth.unlinkAlias(principal)).principals).toEqual(['ada'])
    expect(server.accounts.get('ada')!.aliases).toEqual([])
    await auth.signOut()
    expect(await auth.ensureIdentity({ resume: principal })).toMatchObject({ principal, authMode: 'local-first' })
  })

  test('an account provider that returns nothing for it is PROVIDER_FAILED, and the alias stays', async () => {
    const { auth, browser, principal } = await inConflict()
    await auth.resolveConflict('adopt')
    const before = auth.getState()
    vi.spyOn(browser.account.provider, 'unlink').mockResolvedValueOnce(undefined as never)
    await expect(auth.unlinkAlias(principal)).rejects.toMatchObject({ code: 'PROVIDER_FAILED' })
    expect(auth.getState()).toEqual(before)
    expect((await auth.unlinkAlias(principal)).principals).toEqual(['ada'])
  })

  test('of what is no alias cannot be taken back', async () => {
    const { auth } = await inConflict()
    await expect(auth.unlinkAlias('ada')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    await auth.resolveConflict('adopt')
    await expect(auth.unlinkAlias('ada')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })
})

describe('the other decisions', () => {
  test("switch sets the device's identity aside", async () => {
    const { auth, server, principal, changes } = await inConflict()
    expect(await auth.resolveConflict('switch')).toMatchObject({
      outcome: 'switched',
      session: { principal: 'ada', principals: ['ada'] },
    })
    expect(server.accounts.get('ada')!.aliases).toEqual([])
    expect(changes).toEqual([{ from: principal, to: 'ada', reason: 'switch' }])
    expect(await auth.listIdentities()).toMatchObject([{ principal }])
  })

  test('discard deletes it, and only where that was said', async () => {
    const { auth, browser, principal, changes } = await inConflict()
    await expect(auth.resolveConflict('discard')).rejects.toBeInstanceOf(TypeError)
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal } })
    expect(await auth.resolveConflict('discard', { force: true })).toMatchObject({
      outcome: 'switched',
      session: { principal: 'ada' },
    })
    expect(changes).toEqual([{ from: principal, to: 'ada', reason: 'discard' }])
    expect(principalsOf(await keyringOf(browser))).toEqual(['ada'])
  })

  test("cancel ends the account's session, without a network too", async () => {
    const { auth, browser, principal, changes } = await inConflict()
    browser.account.online = false
    await auth.cancelUpgrade()
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first', session: { principal } })
    expect(changes).toEqual([])
    browser.account.online = true
    await browser.load()
    await vi.waitFor(() => expect(browser.account.session).toBeNull(), { timeout: 30_000 })
  })

  test('of no conflict are refused', async () => {
    const { auth } = await world()
    for (const decision of ['adopt', 'switch', 'discard'] as const)
      await expect(auth.resolveConflict(decision, { force: true })).rejects.toMatchObject({ code: 'CONFLICT_MISSING' })
    await expect(auth.resolveConflict('merge' as never)).rejects.toBeInstanceOf(TypeError)
  })
})

describe('a policy', () => {
  /** Returns a function that tells the pages that the network is back, and waits for what they do then. */
  function waking(): () => Promise<void> {
    const tellOnline = testWindow()
    return async () => {
      tellOnline()
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    }
  }

  test('decides where nothing can be lost', async () => {
    const { signIn, principal } = await world({ onConflict: 'adopt' })
    expect(await signIn()).toMatchObject({ outcome: 'adopted', session: { principals: ['ada', principal] } })
    const other = await world({ onConflict: 'switch' })
    expect(await other.signIn()).toMatchObject({ outcome: 'switched', session: { principals: ['ada'] } })
  })

  test('may look at both sides first', async () => {
    const onConflict = vi.fn(({ deviceData }: { deviceData: { items: number } | null }) =>
      deviceData?.items ? ('ask' as const) : ('switch' as const),
    )
    const { signIn, auth } = await world({ onConflict, describeLocal: () => ({ items: 2 }) })
    expect((await signIn()).outcome).toBe('conflict')
    expect(onConflict).toHaveBeenCalledOnce()
    expect(auth.getState().phase).toBe('conflict')
  })

  test('that fails leaves it to the person', async () => {
    const reportError = vi.fn()
    vi.stubGlobal('reportError', reportError)
    const { signIn } = await world({
      onConflict: () => {
        throw new Error('no')
      },
    })
    expect((await signIn()).outcome).toBe('conflict')
    expect(reportError).toHaveBeenCalledOnce()
    vi.unstubAllGlobals()
  })

  test('is carried out by the next page if the answer to its decision was lost', async () => {
    const { auth, browser, load, signIn, principal, changes } = await world({ onConflict: 'adopt' })
    const { link } = browser.account.provider
    vi.spyOn(browser.account.provider, 'link').mockImplementationOnce((prove) => {
      browser.account.loseNextAnswer = true
      return link!(prove)
    })
    expect(await signIn()).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(auth.getState().phase).toBe('conflict')
    auth.close()
    const next = await load()
    const external = { phase: 'ready', authMode: 'external', session: { principals: ['ada', principal] } }
    await expect.poll(next.getState, { timeout: 30_000 }).toMatchObject(external)
    expect(changes).toEqual([expect.objectContaining({ from: principal, to: 'ada' })])
    next.close()
  })

  test('decides in the next page if its own page was closed, once the account server answers', async () => {
    const wake = waking()
    const onConflict = vi.fn(() => new Promise<'ask'>(() => {}))
    const { auth, browser, signIn } = await world({ onConflict })
    void signIn()
    await expect.poll(() => onConflict.mock.calls.length, { timeout: 30_000 }).toBe(1)
    auth.close()
    browser.account.online = false
    const decide = vi.fn(() => 'switch' as const)
    const next = await browser.load({ harden: 'never', onConflict: decide })
    const failed = { phase: 'conflict', upgrade: { failure: 'OFFLINE' } }
    await expect.poll(next.getState, { timeout: 30_000 }).toMatchObject(failed)
    for (let time = 0; time < 3; time++) await wake()
    expect(decide).not.toHaveBeenCalled()
    browser.account.online = true
    await wake()
    const external = { phase: 'ready', authMode: 'external', session: { principals: ['ada'] } }
    await expect.poll(next.getState, { timeout: 30_000 }).toMatchObject(external)
    expect(decide).toHaveBeenCalledOnce()
    next.close()
  })

  test('that leaves it to the person is asked once by each page', async () => {
    const wake = waking()
    const onConflict = vi.fn(() => 'ask' as const)
    const { auth, signIn, load } = await world({ onConflict })
    expect((await signIn()).outcome).toBe('conflict')
    await wake()
    expect(onConflict).toHaveBeenCalledTimes(1)
    auth.close()
    const next = await load()
    await expect.poll(() => onConflict.mock.calls.length, { timeout: 30_000 }).toBe(2)
    await wake()
    expect(onConflict).toHaveBeenCalledTimes(2)
    expect(next.getState().phase).toBe('conflict')
    next.close()
  })
})

describe('a principal that belongs to another account', () => {
  test('is taken: with a session there, the person may switch to it', async () => {
    const { auth, browser, server, principal } = await world()
    server.accounts.set('eve', { accountId: 'account-eve', principal, aliases: [], recoverable: true, claims: {} })
    server.accounts.set('new', {
      accountId: 'account-new',
      principal: 'account-new',
      aliases: [],
      recoverable: true,
      claims: {},
      open: true,
    })
    const result = await auth.upgrade(() => browser.account.signIn('new'))
    expect(result).toMatchObject({ outcome: 'taken', error: { code: 'PRINCIPAL_TAKEN' }, conflict: { isTaken: true } })
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal } })
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'PRINCIPAL_TAKEN' } })
    expect(await auth.resolveConflict('switch')).toMatchObject({
      outcome: 'switched',
      session: { principal: 'account-new' },
    })
  })

  test('is taken: without a session the state is the one before', async () => {
    const { auth, browser, server, principal } = await world()
    server.accounts.set('eve', { accountId: 'account-eve', principal, aliases: [], recoverable: true, claims: {} })
    expect(await auth.upgrade(() => browser.account.signUp('new'))).toMatchObject({
      outcome: 'taken',
      error: { code: 'PRINCIPAL_TAKEN' },
    })
    expect(auth.getState()).toMatchObject({
      phase: 'ready',
      session: { principal },
      upgrade: { failure: 'PRINCIPAL_TAKEN' },
    })
  })
})
