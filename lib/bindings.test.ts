import { describe, expect, test, vi } from 'vitest'
import { type Store, type Upgrade, type UpgradePhase, stable, upgradeOf } from './bindings.ts'
import type { AuthOptions } from './client/auth.ts'
import { LatchkeyError } from './errors.ts'
import { hasLooked, testBrowser } from './client/client.testing.ts'
import { manualClock } from './testing/clock.ts'
import { memoryAccountServer } from './testing/memory-account.ts'

const ADA = 'ada@example.com'

/** A device, and an account that was created on another one. */
async function world(options: AuthOptions = {}, signedIn: string | null = null) {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const ada = { principal: 'ada', aliases: [], recoverable: true, claims: {}, identifiers: [ADA] }
  server.accounts.set('ada', { accountId: 'account-ada', ...ada })
  const browser = testBrowser(server, clock)
  browser.account.setSession(signedIn)
  const auth = await browser.load({ harden: 'never', ...options })
  await hasLooked(browser)
  const upgrade = upgradeOf(auth)
  const signIn = () => upgrade.getState().run(() => browser.account.signIn('ada'))
  return { auth, browser, server, upgrade, signIn }
}

/** The same, in conflict. */
async function inConflict(options?: AuthOptions) {
  const given = await world(options)
  await given.auth.markWritten()
  expect(await given.signIn()).toMatchObject({ outcome: 'conflict' })
  return given
}

/** The same, with an account that signed in before the page was loaded. */
async function inConfirmation() {
  const given = await world({}, 'ada')
  await vi.waitFor(() => expect(given.upgrade.getState().phase).toBe('confirm'), { timeout: 30_000 })
  return given
}

async function waiting() {
  const given = await world()
  await given.upgrade.getState().run(() => given.browser.account.requestLink(ADA))
  expect(given.upgrade.getState().phase).toBe('pending')
  return given
}

async function signedOutElsewhere() {
  const given = await world()
  await given.signIn()
  given.browser.account.setSession(null)
  await given.auth.getToken({ fresh: true }).catch(() => {})
  expect(given.upgrade.getState().phase).toBe('reauthenticate')
  return given
}

/** Every state that the store passes, without the methods. */
function record({ getState, subscribe }: Store<Upgrade>) {
  const seen: object[] = []
  const take = (): void => {
    const { run: _, decide: __, cancel: ___, ...facts } = getState()
    if (JSON.stringify(facts) !== JSON.stringify(seen.at(-1))) seen.push(facts)
  }
  take()
  return { seen, stop: subscribe(take) }
}

const NOTHING = { isBusy: false, pending: null, account: null, conflict: null, preview: null, failure: null }

describe('the phase', () => {
  test('is starting on a server, always the same object', async () => {
    const { auth, upgrade, signIn } = await world()
    const before = upgrade.getServerState()
    expect(before).toMatchObject({ phase: 'starting', ...NOTHING })
    await signIn()
    expect(auth.getState().authMode).toBe('external')
    expect(upgrade.getServerState()).toBe(before)
  })

  test('is ready without an account, and signed-in with one', async () => {
    const { upgrade, signIn } = await world()
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', ...NOTHING })
    await signIn()
    expect(upgrade.getState()).toMatchObject({ phase: 'signed-in', ...NOTHING })
  })

  test('stays while an attempt runs: a form is not taken away', async () => {
    const { upgrade, signIn } = await world()
    const { seen } = record(upgrade)
    await signIn()
    expect(seen).toEqual([
      { phase: 'ready', ...NOTHING },
      { phase: 'ready', ...NOTHING, isBusy: true },
      { phase: 'signed-in', ...NOTHING, isBusy: true },
      { phase: 'signed-in', ...NOTHING },
    ])
  })

  test('is pending with the step that is outstanding', async () => {
    const { upgrade } = await waiting()
    expect(upgrade.getState()).toMatchObject({ phase: 'pending', pending: { expected: ADA }, account: null })
  })

  test('is confirm with the account to show', async () => {
    const { upgrade } = await inConfirmation()
    const account = { accountId: 'account-ada', principal: 'ada', identifiers: [ADA] }
    expect(upgrade.getState()).toMatchObject({ phase: 'confirm', account })
  })

  test('is conflict with the account and both sides', async () => {
    const { auth, upgrade } = await inConflict({ describeLocal: () => ({ items: 2 }) })
    const { stop } = record(upgrade)
    await vi.waitFor(() => expect(upgrade.getState().preview).not.toBeNull(), { timeout: 30_000 })
    expect(upgrade.getState()).toMatchObject({
      phase: 'conflict',
      account: { identifiers: [ADA] },
      conflict: { principal: auth.getState().session!.principal, isTaken: false },
      preview: { deviceData: { items: 2 }, accountData: null },
    })
    stop()
  })

  test('is reauthenticate when the account server has no session any more', async () => {
    const { upgrade, signIn } = await signedOutElsewhere()
    await signIn()
    expect(upgrade.getState()).toMatchObject({ phase: 'signed-in', failure: null })
  })
})

describe('every phase leads on', () => {
  const ways: [UpgradePhase, string, () => Promise<{ upgrade: Store<Upgrade> }>, (now: Upgrade) => unknown, string][] =
    [
      ['pending', 'cancel', waiting, ({ cancel }) => cancel(), 'ready'],
      ['confirm', 'accept', inConfirmation, ({ decide }) => decide('accept'), 'signed-in'],
      ['confirm', 'cancel', inConfirmation, ({ cancel }) => cancel(), 'ready'],
      ['conflict', 'adopt', inConflict, ({ decide }) => decide('adopt'), 'signed-in'],
      ['conflict', 'switch', inConflict, ({ decide }) => decide('switch'), 'signed-in'],
      ['conflict', 'discard', inConflict, ({ decide }) => decide('discard', { force: true }), 'signed-in'],
      ['conflict', 'cancel', inConflict, ({ cancel }) => cancel(), 'ready'],
    ]

  test.each(ways)('%s: %s', async (phase, _, reach, act, next) => {
    const { upgrade } = await reach()
    expect(upgrade.getState().phase).toBe(phase)
    await act(upgrade.getState())
    expect(upgrade.getState()).toMatchObject({ phase: next, ...NOTHING })
  })

  test('pending: with the next step', async () => {
    const { upgrade, signIn } = await waiting()
    await signIn()
    expect(upgrade.getState()).toMatchObject({ phase: 'signed-in', ...NOTHING })
  })
})

describe('a failure', () => {
  test('of an attempt is shown until the next one begins', async () => {
    const { upgrade, browser, signIn } = await world()
    browser.account.online = false
    expect(await signIn()).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', failure: 'OFFLINE' })
    browser.account.online = true
    const { seen } = record(upgrade)
    await signIn()
    expect(seen.slice(1)).not.toContainEqual(expect.objectContaining({ failure: 'OFFLINE' }))
    expect(seen.at(-1)).toEqual({ phase: 'signed-in', ...NOTHING })
  })

  test('that ends a conflict is shown, though the state of the identity has no upgrade any more', async () => {
    const { auth, upgrade, browser } = await inConflict()
    browser.account.setSession(null)
    await upgrade.getState().decide('adopt')
    expect(auth.getState().upgrade).toBeUndefined()
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', ...NOTHING, failure: 'SESSION_MISSING' })
  })

  test('that the identity throws is an outcome: an event handler never rejects', async () => {
    const { upgrade, signIn } = await inConflict()
    expect(await signIn()).toMatchObject({ outcome: 'failed', error: { code: 'CONFLICT' } })
    expect(upgrade.getState()).toMatchObject({ phase: 'conflict', failure: 'CONFLICT' })
  })

  test('to cancel is shown', async () => {
    const { upgrade, auth, browser } = await waiting()
    browser.store.update = () => Promise.reject(new LatchkeyError('KEYSTORE_FULL'))
    await upgrade.getState().cancel()
    expect(auth.getState().phase).toBe('pending')
    expect(upgrade.getState()).toMatchObject({ phase: 'pending', failure: 'KEYSTORE_FULL' })
  })

  test('is not what cancelling a running attempt is, whichever component began it', async () => {
    const { upgrade, auth } = await waiting()
    const endless = () => new Promise<void>(() => {})
    for (const run of [upgrade.getState().run, auth.upgrade]) {
      const running = run(endless)
      await vi.waitFor(() => expect(auth.getState().phase).toBe('upgrading'), { timeout: 30_000 })
      expect(upgrade.getState().isBusy).toBe(true)
      await upgrade.getState().cancel()
      expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
      expect(upgrade.getState()).toMatchObject({ phase: 'ready', ...NOTHING })
    }
  })

  test('is not what cancelling an attempt is that waits for the policy', async () => {
    const onConflict = vi.fn(() => new Promise<never>(() => {}))
    const { upgrade, auth, signIn } = await world({ onConflict })
    await auth.markWritten()
    const running = signIn()
    await vi.waitFor(() => expect(onConflict).toHaveBeenCalled(), { timeout: 30_000 })
    expect(upgrade.getState()).toMatchObject({ phase: 'conflict', isBusy: true })
    await upgrade.getState().cancel()
    expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', ...NOTHING })
  })

  test('to cancel an attempt that waits for the policy is shown, and cancelling works again afterwards', async () => {
    const onConflict = vi.fn(() => new Promise<never>(() => {}))
    const { upgrade, auth, signIn, browser } = await world({ onConflict })
    await auth.markWritten()
    const running = signIn()
    await vi.waitFor(() => expect(onConflict).toHaveBeenCalled(), { timeout: 30_000 })
    const { update } = browser.store
    browser.store.update = () => Promise.reject(new LatchkeyError('KEYSTORE_FULL'))
    await upgrade.getState().cancel()
    expect(upgrade.getState()).toMatchObject({ phase: 'conflict', isBusy: true, failure: 'KEYSTORE_FULL' })
    browser.store.update = update
    await upgrade.getState().cancel()
    expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', ...NOTHING })
  })

  test('to cancel a running attempt is shown, though the attempt ends', async () => {
    const { upgrade, auth, browser } = await waiting()
    const running = upgrade.getState().run(() => new Promise<void>(() => {}))
    await vi.waitFor(() => expect(auth.getState().phase).toBe('upgrading'), { timeout: 30_000 })
    browser.store.update = () => Promise.reject(new LatchkeyError('KEYSTORE_FULL'))
    await upgrade.getState().cancel()
    expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
    expect(upgrade.getState()).toMatchObject({ phase: 'pending', isBusy: false, failure: 'KEYSTORE_FULL' })
  })

  test('of one identity is not shown for the next', async () => {
    const { auth, upgrade } = await world()
    await upgrade.getState().decide('adopt')
    expect(upgrade.getState().failure).toBe('CONFLICT_MISSING')
    await auth.signOut()
    expect(upgrade.getState()).toMatchObject({ phase: 'ready', failure: null })
  })

  test("of the caller rejects, and of the caller's program alone", async () => {
    const { upgrade } = await inConflict()
    await expect(upgrade.getState().decide('discard')).rejects.toBeInstanceOf(TypeError)
    await expect(upgrade.getState().run('text' as never)).rejects.toBeInstanceOf(TypeError)
    expect(upgrade.getState()).toMatchObject({ phase: 'conflict', isBusy: false, failure: null })
  })
})

describe('one store for all components', () => {
  test('runs one action at a time: a second click does nothing and shows nothing', async () => {
    const { auth, upgrade } = await inConflict()
    const { decide, cancel } = upgrade.getState()
    const first = decide('adopt')
    expect(upgradeOf(auth).getState().isBusy).toBe(true)
    expect(await decide('discard', { force: true })).toMatchObject({ error: { code: 'UPGRADE_IN_PROGRESS' } })
    await cancel()
    expect(await first).toMatchObject({ outcome: 'adopted' })
    expect(upgrade.getState()).toMatchObject({ phase: 'signed-in', ...NOTHING })
  })

  test('loads one preview for all of them, and again when the first one mounts again', async () => {
    let items = 1
    const describeLocal = vi.fn<() => { items: number }>(() => ({ items }))
    const { upgrade } = await inConflict({ describeLocal })
    describeLocal.mockClear()
    const stops = [record(upgrade), record(upgrade)].map(({ stop }) => stop)
    await vi.waitFor(() => expect(upgrade.getState().preview?.deviceData).toEqual({ items: 1 }), {
      timeout: 30_000,
    })
    expect(describeLocal).toHaveBeenCalledTimes(1)
    stops.forEach((stop) => stop())
    items = 2
    record(upgrade)
    await vi.waitFor(() => expect(upgrade.getState().preview?.deviceData).toEqual({ items: 2 }), {
      timeout: 30_000,
    })
  })

  test('never shows the preview of an earlier conflict', async () => {
    const { server, browser, upgrade } = await inConflict({
      describeAccount: ({ principal }) => ({ items: 1, label: principal }),
    })
    const { seen } = record(upgrade)
    await vi.waitFor(() => expect(upgrade.getState().preview?.accountData?.label).toBe('ada'), { timeout: 30_000 })
    await upgrade.getState().cancel()
    server.accounts.set('eve', { ...server.accounts.get('ada')!, accountId: 'account-eve', principal: 'eve' })
    await upgrade.getState().run(() => browser.account.signIn('eve'))
    await vi.waitFor(() => expect(upgrade.getState().preview?.accountData?.label).toBe('eve'), { timeout: 30_000 })
    for (const state of seen as Upgrade[]) {
      if (state.preview) expect(state.preview.accountData?.label).toBe(state.account?.principal)
    }
  })

  test('shows a conflict whose preview fails', async () => {
    const { auth, browser } = await inConflict()
    const broken = { ...auth, previewConflict: () => Promise.reject(new Error('no preview')) }
    const upgrade = upgradeOf(broken)
    record(upgrade)
    await upgrade.getState().decide('switch')
    expect(upgrade.getState()).toMatchObject({ phase: 'signed-in', preview: null })
    expect(browser.account.session).toBe('ada')
  })

  test('returns one frozen object until something changes', async () => {
    const { auth, upgrade } = await world()
    const before = upgrade.getState()
    auth.reportToken('invalid')
    expect(auth.getState().error).toBe('invalid')
    expect(upgrade.getState()).toBe(before)
    expect(Object.isFrozen(before)).toBe(true)
    expect(upgradeOf(auth)).toBe(upgrade)
  })

  test('follows the identity only while a component is mounted', async () => {
    const { auth } = await world()
    let listeners = 0
    const counted = {
      ...auth,
      subscribe(listener: Parameters<typeof auth.subscribe>[0]) {
        listeners += 1
        const stop = auth.subscribe(listener)
        return () => ((listeners -= 1), stop())
      },
    }
    const upgrade = upgradeOf(counted)
    const listener = (): void => {}
    const [first, second] = [upgrade.subscribe(listener), upgrade.subscribe(listener)]
    expect(listeners).toBe(1)
    first()
    first()
    expect(listeners).toBe(1)
    second()
    expect(listeners).toBe(0)
  })
})

describe('a stable selection', () => {
  test.each([
    ['objects', { a: 1, b: NaN }, { b: NaN, a: 1 }],
    ['arrays', [1, 'b'], [1, 'b']],
    ['texts', 'a', 'a'],
  ])('is the previous one while %s have equal members', (_, one, other) => {
    const select = stable((state: unknown) => state)
    expect(select(one)).toBe(one)
    expect(select(other)).toBe(one)
  })

  test.each([
    ['another member', { a: 1 }, { a: 2 }],
    ['another key', { a: undefined }, { b: undefined }],
    ['one member more', [1], [1, 2]],
    ['an object for an array', [], {}],
    ['nothing', { a: 1 }, null],
    ['another map', new Map([[1, 1]]), new Map([[1, 2]])],
    ['another date', new Date(1), new Date(2)],
    ['a deeper difference', { a: { b: 1 } }, { a: { b: 1 } }],
  ])('changes with %s', (_, one, other) => {
    const select = stable((state: unknown) => state)
    expect(select(one)).toBe(one)
    expect(select(other)).toBe(other)
  })
})
