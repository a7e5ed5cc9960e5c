import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import type { AuthState } from 'latchkey'
import {
  enter,
  expect,
  openTab,
  payloadOf,
  principalOf,
  someEmail,
  start,
  startHere,
  stateOf,
  test,
  tokenOf,
} from '../support/account.ts'

/** What the record holds, straight from IndexedDB. */
const recordOf = (page: Page, name?: string) => page.evaluate((which) => account.readRecord(which), name)

/** Does something that has to be written; the code of the failure, or `done`. */
const write = (page: Page) => page.evaluate(() => account.codeOf(account.auth.markWritten().then(() => 'done')))

const ensure = (page: Page) =>
  page.evaluate(() => account.codeOf(account.auth.ensureIdentity().then(({ principal }) => principal)))

const NO_STORAGE = { durability: 'evictable', protection: 'none', canBackUp: false, advice: 'none' } as const
const NOBODY = { authMode: 'anonymous', session: null, phase: 'ready' } as const

function expectUntouched(before: AuthState, after: AuthState, problem: string): void {
  expect(after).toEqual({ ...before, storage: { ...before.storage, problem } })
}

test.describe('a full disk (checklist 30: a full disk)', () => {
  /** Chromium reckons in advance: a quota that was smaller from the start is used up at once. */
  async function fillUp(page: Page): Promise<void> {
    await page.evaluate(async () => {
      const request = indexedDB.open('filler')
      request.onupgradeneeded = () => request.result.createObjectStore('bytes', { autoIncrement: true })
      const db = await new Promise<IDBDatabase>((resolve) => (request.onsuccess = () => resolve(request.result)))
      const put = (size: number): Promise<boolean> =>
        new Promise((resolve) => {
          const transaction = db.transaction('bytes', 'readwrite')
          transaction.oncomplete = () => resolve(true)
          transaction.onabort = () => resolve(false)
          transaction.objectStore('bytes').add(crypto.getRandomValues(new Uint8Array(size)))
        })
      for (let size = 65_536; size >= 1;) if (!(await put(size))) size /= 2
      db.close()
    })
  }

  test('takes nothing from who is there, makes no identity, and is over when there is room again', async ({
    device,
    server,
  }) => {
    const { context, page } = await device()
    await page.goto(server.url)
    const browser = await context.newCDPSession(page)
    await browser.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 2_000_000 })
    const before = await startHere(page)
    const record = await recordOf(page)
    await fillUp(page)

    expect(await write(page)).toBe('KEYSTORE_FULL')
    expectUntouched(before, await stateOf(page), 'KEYSTORE_FULL')
    expect(payloadOf(await tokenOf(page, true))['sub']).toBe(before.session!.principal)
    expect(await recordOf(page)).toEqual(record)
    // A first visit on the full disk: no identity, rather than one that is gone with the page.
    const first = await openTab(context, server.url, { name: 'first-visit' })
    expect(await stateOf(first)).toMatchObject({ ...NOBODY, storage: { problem: 'KEYSTORE_FULL' } })
    expect(await ensure(first)).toBe('KEYSTORE_FULL')
    expect(await recordOf(first, 'first-visit')).toBeUndefined()
    // A reload only reads.
    expect(await start(page, server.url)).toEqual(before)

    await browser.send('Storage.overrideQuotaForOrigin', { origin: server.url })
    expect(await write(page)).toBe('done')
    expect(await stateOf(page)).toEqual(before)
    const principal = await ensure(first)
    expect((await recordOf(first, 'first-visit'))?.entries.map((entry) => entry.principal)).toEqual([principal])
    expect((await stateOf(first)).storage).not.toHaveProperty('problem')
  })
})

test.describe('storage that is taken away from an open tab (checklist 30: a cleared site)', () => {
  const ways = {
    async 'by another tab that deletes the database'(page: Page) {
      const other = await page.context().newPage()
      await other.goto(page.url())
      await other.evaluate(
        () =>
          new Promise<void>((resolve, reject) => {
            const request = indexedDB.deleteDatabase('latchkey:latchkey')
            request.onsuccess = () => resolve()
            request.onblocked = () => reject(new Error('blocked'))
          }),
      )
    },
    async 'in the settings of the browser'(page: Page) {
      const browser = await page.context().newCDPSession(page)
      await browser.send('Storage.clearDataForOrigin', {
        origin: new URL(page.url()).origin,
        storageTypes: 'indexeddb',
      })
    },
  } as const

  for (const [way, take] of Object.entries(ways)) {
    test(`${way}: the person stays, no identity is made, and asking brings back the same identity`, async ({
      device,
      server,
    }) => {
      const { context, page } = await device()
      const before = await start(page, server.url)
      const record = await recordOf(page)
      // The trace that tells a vanished record from a first visit.
      await page.waitForFunction(() => localStorage.getItem('latchkey:latchkey') === '')
      await take(page)

      expect(await write(page)).toBe('KEYSTORE_VANISHED')
      expectUntouched(before, await stateOf(page), 'KEYSTORE_VANISHED')
      expect(payloadOf(await tokenOf(page, true))['sub']).toBe(before.session!.principal)
      expect(await recordOf(page)).toBeUndefined()
      // The trace is still there: a new page knows that there was an identity.
      const other = await openTab(context, server.url)
      expect(await stateOf(other)).toMatchObject({ ...NOBODY, storage: { problem: 'KEYSTORE_VANISHED' } })
      expect(await tokenOf(other)).toBe('KEYSTORE_VANISHED')
      expect(await recordOf(other)).toBeUndefined()

      expect(await ensure(page)).toBe(before.session!.principal)
      expect(await stateOf(page)).toEqual(before)
      expect(await recordOf(page)).toEqual(record)
      await other.waitForFunction(
        (wanted) => account.auth.getState().session?.principal === wanted,
        before.session!.principal,
        { polling: 50 },
      )
      expect(await start(other, server.url)).toEqual(before)
    })
  }

  test('and a new page that asks instead gets a new identity, once', async ({ device, server }) => {
    const { context, page } = await device()
    const before = await start(page, server.url)
    await ways['by another tab that deletes the database'](page)
    await page.close()
    const other = await openTab(context, server.url)
    const principal = await ensure(other)
    expect(principal).not.toBe(before.session!.principal)
    expect((await recordOf(other))?.entries.map((entry) => entry.principal)).toEqual([principal])
  })

  test('by the server, while an update is under way (Clear-Site-Data)', async ({ device, server }) => {
    const { page } = await device()
    const before = await start(page, server.url)
    const outcomes = await page.evaluate(async () => {
      let cleared = false
      const clearing = fetch('/clear')
        .then((response) => response.text())
        .then(() => (cleared = true))
      const seen = new Set<unknown>()
      // Each is in flight when the next begins, so one is when the storage goes.
      while (!cleared)
        for (const outcome of await Promise.all(
          [1, 2, 3].map(() => account.codeOf(account.auth.markWritten().then(() => 'done'))),
        ))
          seen.add(outcome)
      await clearing
      return [...seen]
    })
    for (const outcome of outcomes) expect(['done', 'KEYSTORE_VANISHED']).toContain(outcome)
    // Either the last update came before the clearing, or it was refused: nothing was made out of nothing.
    expect(await write(page)).toBe('KEYSTORE_VANISHED')
    expectUntouched(before, await stateOf(page), 'KEYSTORE_VANISHED')
    expect(payloadOf(await tokenOf(page, true))['sub']).toBe(before.session!.principal)
    expect(await recordOf(page)).toBeUndefined()
    expect(await ensure(page)).toBe(before.session!.principal)
    expect((await recordOf(page))?.entries.map((entry) => entry.principal)).toEqual([before.session!.principal])
  })

  test('with everything else, and then eight new tabs at once: a first visit, one identity', async ({
    device,
    server,
  }) => {
    const { context, page } = await device()
    const before = await start(page, server.url)
    const browser = await context.newCDPSession(page)
    // Chromium sends what a page writes to localStorage and what DevTools clears over different pipes. Once another
    // process sees a page's last write, no earlier one can arrive after the clearing.
    await page.evaluate(() => localStorage.setItem('last write', ''))
    const witness = await context.newPage()
    await witness.goto(server.url)
    await witness.waitForFunction(() => localStorage.getItem('last write') === '', undefined, { polling: 50 })
    await witness.close()
    await page.goto('about:blank')
    await browser.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes: 'all' })
    const tabs = await Promise.all(Array.from({ length: 8 }, () => openTab(context, server.url)))
    for (const tab of tabs) expect((await stateOf(tab)).storage).not.toHaveProperty('problem')
    const principals = await Promise.all(tabs.map(principalOf))
    expect(new Set(principals).size).toBe(1)
    expect(principals[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(principals[0]).not.toBe(before.session!.principal)
    expect((await recordOf(tabs[0]!))?.entries).toHaveLength(1)
  })

  test('from a user with an account: the session stays, and signing out still works', async ({ device, server }) => {
    const { page } = await device()
    await start(page, server.url)
    expect(await enter(page, 'signUp', someEmail())).toBe('upgraded')
    const before = await stateOf(page)
    await ways['by another tab that deletes the database'](page)
    expect(payloadOf(await tokenOf(page, true))).toMatchObject({
      sub: before.session!.principal,
      auth_mode: 'external',
    })
    expect((await stateOf(page)).session?.principal).toBe(before.session!.principal)
    expect(await ensure(page)).toBe(before.session!.principal)
    await page.evaluate(() => account.auth.signOut())
    expect(await stateOf(page)).toMatchObject(NOBODY)
  })
})

test.describe('storage that is not to be had', () => {
  test('a sandboxed frame has no origin, so no identity, and throws nothing', async ({ device, server }) => {
    const { page } = await device()
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.route('**/around', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<iframe sandbox="allow-scripts" src="/framed"></iframe>' }),
    )
    await page.goto(`${server.url}/around`)
    const frame = page.frames()[1]!
    await frame.waitForFunction(() => 'account' in globalThis)
    const found = await frame.evaluate(async () => {
      const auth = await account.open()
      return [
        auth.getState(),
        await account.codeOf(auth.getToken()),
        await account.codeOf(auth.ensureIdentity()),
        auth.getState(),
      ]
    })
    const nobody = { ...NOBODY, storage: { ...NO_STORAGE, problem: 'KEYSTORE_OPAQUE' } }
    expect(found).toEqual([nobody, 'KEYSTORE_OPAQUE', 'KEYSTORE_OPAQUE', nobody])
    expect(errors).toEqual([])
  })

  test('a browser that is told to keep nothing of this site: no identity, and it says why', async ({
    launch,
    profile,
    server,
  }) => {
    mkdirSync(join(profile, 'Default'))
    writeFileSync(
      join(profile, 'Default/Preferences'),
      JSON.stringify({ profile: { default_content_setting_values: { cookies: 2 } } }),
    )
    const { page } = await launch()
    const nobody = { ...NOBODY, storage: { ...NO_STORAGE, problem: 'KEYSTORE_BLOCKED' } }
    expect(await start(page, server.url)).toEqual(nobody)
    expect(await ensure(page)).toBe('KEYSTORE_BLOCKED')
    expect(await stateOf(page)).toEqual(nobody)
  })

  test('a database that another tab does not let go of is reported in time, and works again afterwards', async ({
    device,
    server,
  }) => {
    const { context, page, passTime, newTab } = await device()
    const before = await start(page, server.url)
    const other = await newTab(server.url)
    await other.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const request = indexedDB.open('latchkey:latchkey', 2)
          request.onupgradeneeded = () => {
            const store = request.transaction!.objectStore('keyring')
            // An upgrade that never ends: no other page can open the database meanwhile.
            const goOn = (): void =>
              void (document.title === 'enough' ? request.transaction!.abort() : (store.get('').onsuccess = goOn))
            goOn()
            resolve()
          }
        }),
    )
    const third = await newTab(server.url)
    const [starting, writing] = [startHere(third), write(page)]
    await passTime(4000)
    expect(await writing).toBe('KEYSTORE_TIMEOUT')
    expectUntouched(before, await stateOf(page), 'KEYSTORE_TIMEOUT')
    expect(payloadOf(await tokenOf(page))['sub']).toBe(before.session!.principal)
    expect(await starting).toMatchObject({ ...NOBODY, storage: { problem: 'KEYSTORE_TIMEOUT' } })

    await other.evaluate(() => (document.title = 'enough'))
    expect(await write(page)).toBe('done')
    expect(await stateOf(page)).toEqual(before)
    expect(await ensure(third)).toBe(before.session!.principal)
    expect(await stateOf(third)).toEqual(before)
    expect((await recordOf(await openTab(context, server.url)))?.entries).toHaveLength(1)
  })

  const values = {
    'from a newer version': [{ v: 2, current: 'device:x', rings: ['what this version cannot know'] }, 'KEYSTORE_NEWER'],
    'that is damaged': [{ v: 1, current: 'device:x', entries: [] }, 'KEYSTORE_CORRUPT'],
    'that is no record at all': ['scrambled', 'KEYSTORE_CORRUPT'],
  } as const

  for (const [kind, [value, problem]] of Object.entries(values)) {
    test(`a record ${kind} is left in place`, async ({ device, server }) => {
      const { page } = await device()
      await page.goto(server.url)
      await page.evaluate((stored) => account.writeRecord(stored), value)
      expect(await startHere(page)).toMatchObject({ ...NOBODY, storage: { problem } })
      expect(await ensure(page)).toBe(problem)
      expect(await enter(page, 'signUp', someEmail())).toBe(problem)
      expect(await recordOf(page)).toEqual(value)
    })
  }
})
