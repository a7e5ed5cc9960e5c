import type { Page } from '@playwright/test'
import { type Panel, panelOf } from '../support/devtools-panel.ts'
import { expect, test } from '../support/harness.ts'

/** Puts the element into the page. */
async function mount(page: Page): Promise<Panel> {
  await page.evaluate(() => {
    const element = document.createElement('latchkey-devtools')
    element.open = true
    document.body.append(element)
  })
  const panel = panelOf(page)
  await expect(panel.header).toHaveAttribute('aria-expanded', 'true')
  return panel
}

test('two instances are told apart, by name', async ({ device, harnessUrl }) => {
  const { page, state } = await device()
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    harness.defineDevtools()
    await harness.createAuth({ name: 'notes' }).ready
    await harness.createAuth({ name: 'admin', initialMode: 'anonymous' }).ready
  })
  const panel = await mount(page)
  await expect(panel.instances.getByRole('option')).toHaveText(['notes', 'admin'])
  await expect(panel.fact('mode')).toContainText('local-first')
  await panel.skew('−5 min').check()
  await panel.instances.selectOption('admin')
  await expect(panel.fact('mode')).toContainText('anonymous')
  await expect(panel.fact('principal')).toHaveText('none')
  await expect(panel.skew('right')).toBeChecked()

  await page.evaluate(async () => harness.createAuth({ name: 'admin', initialMode: 'anonymous' }).ready)
  await expect(panel.instances.getByRole('option')).toHaveText(['notes', 'admin', 'admin (2)'])
  await expect(panel.instances).toHaveValue('admin')
  // The fixture's hook was there first, and hears them all.
  expect((await state({ name: 'notes' })).authMode).toBe('local-first')
  expect((await state({ name: 'admin' })).authMode).toBe('anonymous')
})

test('what was created before it cannot be seen, and it says so', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    await harness.createAuth().ready
    harness.defineDevtools()
    harness.defineDevtools()
  })
  const panel = await mount(page)
  await expect(panel.element).toContainText(
    'Only instances created after defineDevtools() are shown: call it before createAuth().',
  )
  await expect(panel.present).toBeHidden()
  await page.evaluate(() => void harness.createAuth({ name: 'later' }))
  await expect(panel.present).toHaveText('ready')
})

test('a wrong clock reaches tokens at once, and goes with the panel', async ({ device, harnessUrl }) => {
  const { page, passTime } = await device()
  await page.goto(harnessUrl)
  const auth = await page.evaluateHandle(() => {
    harness.defineDevtools()
    return harness.createAuth()
  })
  /** How far ahead of this page's clock a fresh token was issued, minutes. */
  const issuedAhead = (): Promise<number> =>
    auth.evaluate(async (made) => {
      const payload = (await made.getToken({ fresh: true }))!.split('.')[1]!
      const { iat } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { iat: number }
      return Math.round((iat - Date.now() / 1000) / 60) + 0
    })
  expect(await issuedAhead()).toBe(0)
  const panel = await mount(page)
  await expect(panel.fact('token')).toHaveText(/^14 min \d+ s left$/)
  await passTime(5 * 60_000)
  await expect(panel.fact('token')).toHaveText(/^9 min \d+ s left$/)

  await panel.skew('+1 h').check()
  await expect(panel.fact('token')).toHaveText('none made with the next request')
  await expect(panel.header).toContainText('+1 h')
  expect(await issuedAhead()).toBe(60)
  await panel.skew('−5 min').check()
  expect(await issuedAhead()).toBe(-5)
  await panel.element.evaluate((element) => element.remove())
  expect(await issuedAhead()).toBe(0)
})

test('events say what they changed, and whether they were ignored', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  const auth = await page.evaluateHandle(async () => {
    harness.defineDevtools()
    const made = harness.createAuth({ initialMode: 'anonymous' })
    await made.ready
    return made
  })
  const panel = await mount(page)
  await panel.show('Timeline')
  await auth.evaluate(async (made) => {
    made.reportToken('expired')
    await made.ensureIdentity()
    made.reportToken('expired')
    made.reportToken(null)
    await made.signOut()
  })
  const rows = panel.events.filter({ hasNotText: /network|recordChanged/ })
  await expect(rows).toHaveText([
    /signedOut → ready$/,
    /signOutStarted → signing-out$/,
    /tokenAccepted error cleared$/,
    /tokenRejected expired$/,
    /identityEnsured another identity$/,
    /tokenRejected ignored$/,
    /opened → ready$/,
  ])
})

/** Nothing may load or run but the page's own script; no markup is ever parsed, no style is ever inline. */
const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

test('it works under the strictest content security policy', async ({ device, harnessUrl }) => {
  const { page } = await device()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.route(`${harnessUrl}/`, async (route) => {
    const response = await route.fetch()
    await route.fulfill({
      response,
      headers: { ...response.headers(), 'content-security-policy': STRICT },
      body: (await response.text()).replace(/<link[^>]*>/, ''),
    })
  })
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    harness.defineDevtools()
    await harness.createAuth().ready
  })
  const panel = await mount(page)
  await panel.offline.check()
  await panel.skew('+5 min').check()
  await expect(panel.header).toContainText('offline, +5 min')
  await expect(panel.element).toHaveCSS('position', 'fixed')
  for (const view of ['Timeline', 'Tokens', 'Storage', 'Acts'] as const) await panel.show(view)
  await panel.inner.getByRole('combobox', { name: 'Position' }).selectOption('right')
  await panel.inner.getByRole('separator').press('ArrowLeft')
  await expect(panel.inner).toHaveCSS('width', '464px')
  expect(complaints.filter((text) => !text.includes('favicon'))).toEqual([])
})

test('it ticks only while it is visible', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  const ticking = await page.evaluateHandle(() => {
    const running = new Set<unknown>()
    const [set, clear] = [globalThis.setInterval, globalThis.clearInterval]
    globalThis.setInterval = ((...given: Parameters<typeof set>) => {
      const id = set(...given)
      running.add(id)
      return id
    }) as typeof set
    globalThis.clearInterval = (id) => {
      running.delete(id)
      clear(id)
    }
    harness.defineDevtools()
    return running
  })
  const count = (): Promise<number> => ticking.evaluate((running) => running.size)
  const { element, header } = await mount(page)
  expect(await count()).toBe(1)
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  expect(await count()).toBe(0)
  await page.evaluate(() => {
    Reflect.deleteProperty(document, 'visibilityState')
    document.dispatchEvent(new Event('visibilitychange'))
  })
  expect(await count()).toBe(1)
  await header.click()
  expect(await count()).toBe(0)
  await header.click()
  expect(await count()).toBe(1)
  await element.evaluate((mounted) => mounted.remove())
  expect(await count()).toBe(0)
})

test('nothing moves when something goes wrong, and one voice says so', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  const made = await page.evaluateHandle(async () => {
    harness.defineDevtools()
    const store = harness.memoryStore()
    const auth = harness.createAuth({ keystore: store })
    await auth.ready
    return { auth, store }
  })
  const panel = await mount(page)
  const boxes = async (): Promise<unknown> =>
    Promise.all(
      [panel.header, panel.offline, panel.skew('right'), panel.fact('storage')].map((part) => part.boundingBox()),
    )
  const before = await boxes()
  await made.evaluate(({ auth }) => auth.reportToken('disabled'))
  await expect(panel.fact('error')).toContainText('disabled')
  await expect(panel.element.getByRole('status')).toHaveText('latchkey, ready, local-first, disabled')
  await made.evaluate(async ({ auth, store }) => {
    store.update = () => Promise.reject(new harness.LatchkeyError('KEYSTORE_NEWER'))
    await auth.markWritten().catch(() => {})
  })
  // The longest words of all.
  await expect(panel.fact('storage')).toHaveText(
    'KEYSTORE_NEWER a newer version wrote the record; it was left in place',
  )
  expect(await boxes()).toEqual(before)
  await expect(panel.element.getByRole('status')).toHaveText('latchkey, ready, local-first, disabled')
  await expect(panel.element.locator('[aria-live], [role="alert"], [role="log"], [role="timer"]')).toHaveCount(0)
  await expect(panel.element.getByRole('complementary', { name: 'Latchkey developer panel' })).toBeVisible()
})

test('storage that fails is named in words', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    const refuse = (): never => {
      throw new harness.LatchkeyError('KEYSTORE_TIMEOUT')
    }
    harness.defineDevtools()
    await harness.createAuth({ keystore: { ...harness.memoryStore(), read: refuse, update: refuse } }).ready
  })
  const panel = await mount(page)
  await expect(panel.fact('storage')).toHaveText('KEYSTORE_TIMEOUT storage did not answer in time')
})

test('on a phone it is a sheet at the foot that closes, and the page below stays where it is', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device({ viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' })
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    harness.defineDevtools()
    await harness.createAuth().ready
  })
  const panel = await mount(page)
  const sheet = (await panel.element.locator('.panel').boundingBox())!
  expect([sheet.x, sheet.width, sheet.y + sheet.height]).toEqual([0, 320, 640])
  expect(sheet.height).toBeLessThan(0.75 * 640)
  expect(await panel.element.locator('.body').evaluate((body) => body.scrollWidth - body.clientWidth)).toBe(0)
  expect(
    await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]),
  ).toEqual([320, 640])
  await expect(panel.element.locator('.phase rect').first()).toHaveCSS('transition-property', 'none')
  await panel.header.click()
  await expect(panel.present).toBeHidden()
  expect((await panel.element.locator('.panel').boundingBox())!.height).toBeLessThan(48)
})
