import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { BrowserContext, Page } from '@playwright/test'
import { someEmail } from '../support/account.ts'
import { test as base, enter, expect, expectUpgraded, makeItem, quiet, visit } from '../support/routes.ts'
import { type RoutesServer, startRoutesServer } from '../support/routes-server.ts'
import { startHarness } from '../tools/servers/harness.mjs'

/** A name that the browser resolves to this machine (playwright.config.ts), and does not trust as it does `localhost`. */
const LAN_HOST = 'notes.test'

const test = base.extend<object, { lan: RoutesServer }>({
  lan: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
    async ({}, use) => {
      const lan = await startRoutesServer({ cookieCache: false, requireVerification: false, host: LAN_HOST })
      await use(lan)
      await lan.close()
    },
    { scope: 'worker' },
  ],
})

test.use({ requireVerification: false })

/** Stops the clock of a device's pages. A page that was slow to load may be past the time at which it is to stop. */
async function stopClock({ clock }: BrowserContext): Promise<void> {
  await clock.pauseAt(Date.now() + 1000).catch((error: Error) => {
    if (!error.message.includes('to the past')) throw error
  })
}

for (const which of ['the same', 'another'] as const) {
  test(`a look at the session that gets no answer holds up no sign-up in ${which} tab`, async ({ device, site }) => {
    const { context, page, holdAnswer, newTab, principal, waitForState } = await device()
    const held = await holdAnswer('**/latchkey/session*')
    await page.goto(site.url)
    expect(await held.status).toBe(200)
    const before = await principal()
    const tab = which === 'the same' ? page : await newTab(site.url)
    // No time passes on the device from here on: a sign-up that waits for the look would not end.
    await stopClock(context)
    expect(await enter(tab, 'signUp', someEmail())).toBe('upgraded')
    await context.clock.resume()
    await waitForState({ authMode: 'external', phase: 'ready' })
    // What comes late is of no interest to anyone.
    held.release()
    await quiet(page)
    expect(await waitForState({ authMode: 'external', phase: 'ready' })).not.toHaveProperty('error')
    expect(await principal()).toBe(before)
  })
}

test('on an insecure origin, without what browsers keep for secure ones, an identity signs up, signs out and in', async ({
  device,
  lan,
}) => {
  const phone = await device()
  const { page } = phone
  await page.goto(lan.url)
  await phone.waitForState({ authMode: 'local-first', phase: 'ready' })
  const present = await page.evaluate(() => [
    isSecureContext,
    ...['randomUUID', 'subtle'].map((name) => name in crypto),
    ...['locks', 'storage'].map((name) => name in navigator),
  ])
  expect(present).toEqual([false, false, false, false, false])
  const principal = await phone.principal()
  await makeItem(phone)
  const email = someEmail()
  expect(await enter(page, 'signUp', email)).toBe('upgraded')
  await expectUpgraded(phone, lan, email, { principal })
  await page.evaluate(() => routes.auth.signOut())
  await phone.waitForState({ authMode: 'anonymous', phase: 'ready' })
  expect(await enter(page, 'signIn', email)).toBe('switched')
  await expectUpgraded(phone, lan, email, { principal })
})

test('a session that the browser does not keep, as a cookie of another site, is told from a mail that is awaited', async ({
  device,
  lan,
}) => {
  const { context, page, principal, state } = await device()
  await visit(page, `${lan.url.replace(LAN_HOST, 'localhost')}/?accounts=${lan.url}`)
  const before = await principal()
  const email = someEmail()
  expect(await enter(page, 'signUp', email)).toBe('SESSION_NOT_KEPT')
  expect(lan.account(email)).toMatchObject({ principal: before })
  expect(await context.cookies()).toEqual([])
  expect(await state()).toMatchObject({ authMode: 'local-first', phase: 'ready', session: { principal: before } })
})

test("a device's first write, sent while its page is being left, arrives", async ({ openApp, site }) => {
  const leave = async (): Promise<unknown[]> => {
    const { page, principal } = await openApp()
    const owner = (await principal())!
    // As an app does: it has read before.
    expect(await page.evaluate(() => routes.ownItems())).toEqual({ principal: owner, items: 0 })
    await page.evaluate(() =>
      addEventListener('pagehide', () => {
        void routes.auth.fetch('/api/items', { method: 'POST', keepalive: true })
      }),
    )
    await page.goto('about:blank')
    const items = () => site.rows('SELECT owner FROM item WHERE owner = ?', owner)
    await expect.poll(items).toHaveLength(1)
    return items()
  }
  expect(await Promise.all([1, 2, 3, 4, 5].map(leave))).toHaveLength(5)
})

test('a local file has no identity, which every other local file could read, unless the app names its audience', async ({
  device,
}, testInfo) => {
  const { url, close } = await startHarness()
  const fileOf = (name: string): string => {
    const file = testInfo.outputPath(`${name}.html`)
    writeFileSync(file, `<!doctype html><title>Local</title><script type="module" src="${url}/harness.js"></script>`)
    return pathToFileURL(file).href
  }
  const [notes, other] = [fileOf('notes'), fileOf('other')]
  const { page } = await device()
  expect(await openLocal(page, notes)).toEqual({ principal: null, problem: 'KEYSTORE_OPAQUE', databases: 0 })
  const named = await openLocal(page, notes, 'https://notes.example')
  expect(named).toEqual({ principal: expect.any(String), problem: undefined, databases: 1 })
  // This is why: the browser gives every local file the same storage.
  expect(await openLocal(page, other, 'https://other.example')).toEqual(named)
  close()
})

/** Opens a page with nothing but the library in it, and starts the library. */
async function openLocal(page: Page, file: string, audience?: string) {
  await page.goto(file)
  return page.evaluate(async (given) => {
    const auth = harness.createAuth(given === undefined ? {} : { audience: given })
    await auth.ready
    await auth.ensureIdentity().catch(() => {})
    const { session, storage } = auth.getState()
    const { length: databases } = await indexedDB.databases()
    return { principal: session?.principal ?? null, problem: storage.problem, databases }
  }, audience)
}
