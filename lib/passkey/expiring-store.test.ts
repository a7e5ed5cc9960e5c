import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Auth, AuthOptions } from '../client/auth.ts'
import { type TestBrowser, testBrowser } from '../client/client.testing.ts'
import { LatchkeyError } from '../errors.ts'
import type { Backup } from '../keystore/record.ts'
import { type ManualClock, manualClock } from '../testing/clock.ts'
import { type MemoryBackups, memoryBackups } from '../testing/memory-backups.ts'
import { fakeAuthenticator } from './authenticator.testing.ts'
import { createPasskeyBackup } from './create-passkey-backup.ts'
import type { PasskeyBackups } from './passkey-backups.ts'

const DAY_MS = 86_400_000
const KEPT_MS = 100 * DAY_MS
const ANYONE = { replace: true, evenIfUnknown: true }

interface Device {
  readonly browser: TestBrowser
  readonly clock: ManualClock
  readonly store: MemoryBackups
  readonly renewals: () => number
  /** Waits until the store has answered all of them. */
  readonly answered: () => Promise<unknown>
}

interface Page {
  readonly auth: Auth
  readonly passkeys: PasskeyBackups
}

/** A device whose clock is not the store's. */
function device(store: MemoryBackups, clock: ManualClock): Device {
  const renew = vi.spyOn(store, 'renew')
  return {
    browser: testBrowser(undefined, clock),
    clock,
    store,
    renewals: () => renew.mock.calls.length,
    answered: () => Promise.allSettled(renew.mock.results.map(({ value }) => value as unknown)),
  }
}

async function open({ browser, clock, store }: Device, options: AuthOptions = {}): Promise<Page> {
  const auth = await browser.load({ backups: store, ...options })
  return { auth, passkeys: createPasskeyBackup(auth, { app: 'Notes', store, clock: clock.now }) }
}

/** Loads the page again after some time, and waits until it has asked the store if it does. */
async function openLater(one: Device, days: number, asks = true): Promise<Page> {
  one.clock.advance(days * DAY_MS)
  return openAgain(one, asks)
}

async function openAgain(one: Device, asks = true): Promise<Page> {
  const before = one.renewals()
  const page = await open(one)
  // The background asks after it has read the record again.
  await page.auth.listIdentities()
  if (asks) await vi.waitFor(() => expect(one.renewals()).toBe(before + 1), { timeout: 30_000 })
  await one.answered()
  await settled()
  if (!asks) expect(one.renewals()).toBe(before)
  return page
}

/** What the store has answered has reached the record: from there on, nothing waits for a timer or another thread. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const storageOf = ({ auth }: Page): object => auth.getState().storage
const SAFE = { durability: 'recoverable', advice: 'none' }
const EXPIRED = { durability: 'ephemeral', advice: 'back-up' }

async function backupsOf({ auth }: Page): Promise<readonly Backup[]> {
  return (await auth.listIdentities({ withCurrent: true })).flatMap(({ backups }) => backups)
}

let clock: ManualClock
let store: MemoryBackups
let one: Device

/** A device with a backup that the store keeps for 100 days, and that was shown to work. */
async function backedUp(): Promise<Page> {
  const page = await open(one)
  expect((await page.passkeys.seal(await page.passkeys.add())).problem).toBeUndefined()
  await page.passkeys.verify()
  expect(storageOf(page)).toMatchObject(SAFE)
  return page
}

beforeEach(() => {
  fakeAuthenticator()
  clock = manualClock()
  store = memoryBackups({ clock: clock.now, keptFor: KEPT_MS })
  one = device(store, clock)
})

afterEach(() => vi.unstubAllGlobals())

describe('a backup that its store keeps for 100 days', () => {
  test('is renewed quietly, once half of the time is over, for as long as the identity is used', async () => {
    const fake = fakeAuthenticator()
    await backedUp()
    const dialogs = fake.asked.length
    await openLater(one, 49, false)
    expect(storageOf(await openLater(one, 1))).toMatchObject(SAFE)
    for (let half = 0; half < 6; half++) expect(storageOf(await openLater(one, 51))).toMatchObject(SAFE)
    expect(store.kept.size).toBe(1)
    expect(fake.asked).toHaveLength(dialogs)
    const [{ stored }] = (await backupsOf(await openLater(one, 1, false))) as [Backup]
    expect(stored).toMatchObject({ checkedAt: clock.now() - DAY_MS, expiresAt: clock.now() - DAY_MS + KEPT_MS })
  })

  test('that is of the account provider is renewed without an option', async () => {
    await backedUp()
    clock.advance(60 * DAY_MS)
    const { provider } = one.browser.account
    const before = one.renewals()
    await open(one, { backups: undefined as never, account: { ...provider, backups: store } })
    await vi.waitFor(() => expect(one.renewals()).toBe(before + 1), { timeout: 30_000 })
  })

  test.each([true, false])('is renewed by its own store alone (which renews: %s)', async (renews) => {
    if (!renews) delete store.renew
    const elsewhere = memoryBackups({ audience: 'https://elsewhere.test', clock: clock.now, keptFor: KEPT_MS })
    const other = { ...device(elsewhere, clock), browser: one.browser }
    for (const each of [store, elsewhere]) {
      fakeAuthenticator()
      const { passkeys } = await open({ ...one, store: each })
      await passkeys.seal(await passkeys.add())
      await passkeys.verify()
    }
    const renew = vi.spyOn(elsewhere, 'renew').mockClear()
    const [before] = await backupsOf(await open({ ...one, clock }))
    clock.advance(60 * DAY_MS)
    const page = await open(other)
    const asked = (): readonly string[] => renew.mock.calls.map(([hash]) => hash)
    // Of two that are due, the one that was made first comes first.
    await vi.waitFor(() => expect(asked()).toEqual(expect.arrayContaining([...elsewhere.kept.keys()])), {
      timeout: 30_000,
    })
    await other.answered()
    await settled()
    expect(asked()).toEqual([...elsewhere.kept.keys()])
    expect((await backupsOf(page))[0]).toEqual(before)
  })

  test('no longer counts once it has expired, with no network and at the next look', async () => {
    await backedUp()
    store.online = false
    expect(storageOf(await openLater(one, 99))).toMatchObject(SAFE)
    const page = await openLater(one, 1)
    expect(storageOf(page)).toMatchObject(EXPIRED)
    // While the page stays open, too.
    store.online = true
    expect(storageOf(await openAgain(one))).toMatchObject(EXPIRED)
    expect(store.kept.size).toBe(0)
  })

  test('expires in a page that stays open', async () => {
    const page = await backedUp()
    store.online = false
    clock.advance(KEPT_MS)
    await page.auth.listIdentities()
    expect(storageOf(page)).toMatchObject(EXPIRED)
  })

  test('is tried again when the network is back', async () => {
    await backedUp()
    store.online = false
    const target = new EventTarget()
    vi.stubGlobal('addEventListener', target.addEventListener.bind(target))
    await openLater(one, 60)
    store.online = true
    const before = one.renewals()
    target.dispatchEvent(new Event('online'))
    await vi.waitFor(() => expect(one.renewals()).toBe(before + 1), { timeout: 30_000 })
    await one.answered()
    await settled()
    expect(storageOf(await openLater(one, 45, false))).toMatchObject(SAFE)
  })

  test('that the store does not have any more does not count, and is not asked for again', async () => {
    await backedUp()
    ;(store.kept as Map<string, string>).clear()
    vi.spyOn(store, 'renew').mockRejectedValueOnce(new LatchkeyError('BACKUP_UNKNOWN'))
    const page = await open({ ...one, clock }, {})
    clock.advance(60 * DAY_MS)
    await page.auth.listIdentities()
    const again = await open(one)
    await vi.waitFor(() => expect(storageOf(again)).toMatchObject(EXPIRED), { timeout: 30_000 })
    const [{ stored, envelope }] = (await backupsOf(again)) as [Backup]
    expect([stored, typeof envelope]).toEqual([undefined, 'string'])
    await openLater(one, 60, false)
  })

  test.each(['PRINCIPAL_DISABLED', 'BACKUP_ACCOUNT_NEEDED', 'PROVIDER_LIMITED', 'OFFLINE'] as const)(
    'that is refused with %s counts as long as the store has said',
    async (code) => {
      await backedUp()
      vi.spyOn(store, 'renew').mockRejectedValue(new LatchkeyError(code))
      const before = one.renewals()
      clock.advance(60 * DAY_MS)
      const page = await open(one)
      await vi.waitFor(() => expect(one.renewals()).toBe(before + 1), { timeout: 30_000 })
      await settled()
      expect(storageOf(page)).toMatchObject(SAFE)
      clock.advance(40 * DAY_MS)
      await page.auth.listIdentities()
      expect(storageOf(page)).toMatchObject(EXPIRED)
    },
  )

  test('and then for good no longer counts once its principal is disabled, until the store has it again', async () => {
    const page = await backedUp()
    await page.auth.deriveKey('notes')
    const renew = vi.spyOn(store, 'renew').mockResolvedValueOnce(null)
    expect(storageOf(await openLater(one, 60))).toMatchObject(SAFE)
    renew.mockRejectedValueOnce(new LatchkeyError('PRINCIPAL_DISABLED'))
    expect(storageOf(await openLater(one, 14))).toMatchObject(EXPIRED)
    renew.mockRejectedValueOnce(new LatchkeyError('PRINCIPAL_DISABLED'))
    expect(storageOf(await openAgain(one))).toMatchObject(EXPIRED)
    renew.mockResolvedValueOnce(null)
    expect(storageOf(await openAgain(one))).toMatchObject(SAFE)
  })

  test('is not renewed for an identity that was set aside', async () => {
    const page = await backedUp()
    await page.auth.importSecret('A'.repeat(43), { replace: true })
    await openLater(one, 60, false)
  })

  test('counts without the store once the passkey opened the file', async () => {
    const page = await open(one)
    const { file } = await page.passkeys.seal(await page.passkeys.add())
    await page.passkeys.verify(file)
    await page.passkeys.verify()
    store.online = false
    expect(storageOf(await openLater(one, 1000))).toMatchObject(SAFE)
  })

  test('is no reason to replace the secret by keys until the store keeps it for good', async () => {
    const page = await backedUp()
    await page.auth.deriveKey('notes')
    await page.auth.upgrade(() => one.browser.account.signUp('ada'))
    one.browser.server.accounts.get('ada')!.recoverable = true
    const looks = one.browser.account.calls.filter((call) => call === 'getSession').length
    const early = await openLater(one, 10, false)
    await vi.waitFor(
      () => expect(one.browser.account.calls.filter((call) => call === 'getSession').length).toBeGreaterThan(looks),
      { timeout: 30_000 },
    )
    // It waits for the lock that a replacement of the secret holds.
    await early.auth.acceptAccount()
    expect(early.auth.getState().storage.protection).toBe('extractable')
    // As a server answers once the identity has an account.
    vi.spyOn(store, 'renew').mockResolvedValue(null)
    clock.advance(50 * DAY_MS)
    const later = await open(one)
    await vi.waitFor(() => expect(later.auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    expect(storageOf(later)).toMatchObject({ durability: 'recoverable' })
  })

  test.each([10, 101])('lets no sign-out delete the secret that data depends on, %d days later', async (days) => {
    const page = await backedUp()
    await page.auth.deriveKey('notes')
    await page.auth.upgrade(() => one.browser.account.signUp('ada'))
    one.browser.server.accounts.get('ada')!.recoverable = true
    const { principal } = page.auth.getState().session!
    store.online = false
    const isDue = days > 50
    const looks = one.browser.account.calls.filter((call) => call === 'getSession').length
    const later = await openLater(one, days, isDue)
    await vi.waitFor(
      () => expect(one.browser.account.calls.filter((call) => call === 'getSession').length).toBeGreaterThan(looks),
      { timeout: 30_000 },
    )
    // It has been told that the account is recoverable.
    await later.auth.acceptAccount()
    await later.auth.signOut()
    expect((await later.auth.listIdentities()).map((kept) => kept.principal)).toEqual([principal])
  })

  test('is renewed where it is restored, and counts there even if the store fails then', async () => {
    await backedUp()
    clock.advance(90 * DAY_MS)
    const two = { ...one, browser: testBrowser(undefined, clock) }
    const second = await open(two, { initialMode: 'anonymous' })
    await second.passkeys.importBackup(await second.passkeys.readStored(), ANYONE)
    expect(storageOf(second)).toMatchObject(SAFE)
    clock.advance(90 * DAY_MS)
    await second.auth.listIdentities()
    expect(storageOf(second)).toMatchObject(SAFE)

    const three = { ...one, browser: testBrowser(undefined, clock) }
    const third = await open(three, { initialMode: 'anonymous' })
    const preview = await third.passkeys.readStored()
    store.online = false
    await third.passkeys.importBackup(preview, ANYONE)
    expect(storageOf(third)).toMatchObject(EXPIRED)
    store.online = true
    expect(storageOf(await openAgain(three))).toMatchObject(SAFE)
  })
})

describe('a device whose clock is wrong', () => {
  const OFF = 20 * 60 * 60 * 1000

  test.each([-OFF, OFF])('by %d ms has its backup renewed: only differences count', async (off) => {
    one = device(store, manualClock(clock.now() + off))
    await backedUp()
    for (let half = 0; half < 4; half++) {
      clock.advance(51 * DAY_MS)
      expect(storageOf(await openLater(one, 51))).toMatchObject(SAFE)
    }
    expect(store.kept.size).toBe(1)
  })

  test('that was set back asks at once, since the remaining time is unknown', async () => {
    await backedUp()
    const later = manualClock(clock.now() - 1000)
    expect(
      storageOf(await openAgain({ ...one, clock: later, browser: { ...one.browser, ...loading(one, later) } })),
    ).toMatchObject(SAFE)
  })

  test('that was set far ahead says that the backup expired, until the store has answered', async () => {
    await backedUp()
    store.online = false
    const ahead = manualClock(clock.now() + 23 * 60 * 60 * 1000 + KEPT_MS)
    clock.advance(KEPT_MS - 60_000)
    const wrong = { ...one, clock: ahead, browser: { ...one.browser, ...loading(one, ahead) } }
    expect(storageOf(await openAgain(wrong))).toMatchObject(EXPIRED)
    store.online = true
    expect(storageOf(await openAgain(wrong))).toMatchObject(SAFE)
  })
})

/** The same device with another clock. */
function loading({ browser }: Device, now: ManualClock): Pick<TestBrowser, 'load'> {
  return testBrowser(browser.server, now, browser.store)
}

describe('two tabs', () => {
  test('renew one backup, whichever is first', async () => {
    await backedUp()
    clock.advance(60 * DAY_MS)
    const [left, right] = await Promise.all([open(one), open(one)])
    await vi.waitFor(() => expect(one.renewals()).toBeGreaterThan(1), { timeout: 30_000 })
    await one.answered()
    await settled()
    for (const page of [left, right]) {
      const [{ stored }, ...others] = (await backupsOf(page)) as [Backup]
      expect(others).toEqual([])
      expect(stored).toMatchObject({ checkedAt: clock.now(), expiresAt: clock.now() + KEPT_MS })
      expect(storageOf(page)).toMatchObject(SAFE)
    }
  })

  test('do not bring a backup back that one of them has removed meanwhile', async () => {
    await backedUp()
    clock.advance(60 * DAY_MS)
    const renew = store.renew!.bind(store)
    let answer: (() => void) | undefined
    vi.spyOn(store, 'renew').mockImplementationOnce(async (...given) => {
      const keptFor = await renew(...given)
      await new Promise<void>((resolve) => (answer = resolve))
      return keptFor
    })
    const left = await open(one)
    await vi.waitFor(() => expect(answer).toBeDefined(), { timeout: 30_000 })
    const right = await open(one, { backups: undefined as never })
    await right.passkeys.removeStored()
    answer!()
    await settled()
    await left.auth.listIdentities()
    expect(await backupsOf(left)).toEqual([])
    expect(storageOf(left)).toMatchObject(EXPIRED)
  })

  test('do not drop a backup that one of them has made again since the other asked', async () => {
    const first = await backedUp()
    clock.advance(60 * DAY_MS)
    let refuse: (() => void) | undefined
    vi.spyOn(store, 'renew').mockImplementationOnce(
      () => new Promise((_, reject) => (refuse = () => reject(new LatchkeyError('BACKUP_UNKNOWN')))),
    )
    const left = await open(one)
    await vi.waitFor(() => expect(refuse).toBeDefined(), { timeout: 30_000 })
    await first.passkeys.verify()
    refuse!()
    await settled()
    await left.auth.listIdentities()
    expect(storageOf(left)).toMatchObject(SAFE)
  })
})
