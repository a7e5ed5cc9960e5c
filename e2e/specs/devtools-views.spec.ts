import type { BrowserContext, Page, Route } from '@playwright/test'
import axe from 'axe-core'
import { type Panel, openRows, panelOf, readAll } from '../support/devtools-panel.ts'
import { expect, test } from '../support/harness.ts'

declare global {
  var panelAuth: ReturnType<typeof harness.createAuth>
}

/** Opens the page with an instance and the panel. */
async function open(page: Page, url: string): Promise<Panel> {
  await page.goto(url)
  await page.evaluate(async () => {
    harness.defineDevtools()
    globalThis.panelAuth = harness.createAuth()
    await panelAuth.listIdentities()
    const element = document.createElement('latchkey-devtools')
    element.open = true
    document.body.append(element)
  })
  const panel = panelOf(page)
  await expect(panel.present).toBeVisible()
  return panel
}

const payloadOf = (route: Route): { readonly iat: number; readonly exp: number; readonly aud: string } =>
  JSON.parse(
    Buffer.from(route.request().headers()['authorization']?.split('.')[1] ?? '', 'base64url').toString() || '{}',
  )

const refuse = (route: Route, reason: string): Promise<void> =>
  route.fulfill({
    status: 401,
    headers: { 'www-authenticate': `Bearer error="invalid_token", error_description="${reason}"` },
  })

const context = (page: Page): BrowserContext => page.context()

test('an event opens: what it brought, what it changed, and after how long', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await context(page).grantPermissions(['clipboard-read', 'clipboard-write'])
  const panel = await open(page, harnessUrl)
  await page.evaluate(() => panelAuth.reportToken('disabled'))
  await panel.show('Timeline')
  const row = panel.events.filter({ hasText: 'tokenRejected' })
  await expect(row.getByRole('table')).toHaveCount(0)
  await row.locator('summary').click()
  await expect(row.getByRole('row')).toHaveText([/^FieldBeforeAfter$/, 'error–"disabled"'])
  await expect(row.getByRole('region', { name: 'Payload' })).toHaveText(/"reason": "disabled"/)
  await expect(row).toContainText(/After\d+ ms since|After[\d.]+ s since/)
  await expect(row).toContainText('Effectsdrop')
  await row.getByRole('button', { name: 'Copy' }).click()
  await expect(panel.inner.getByRole('status')).toHaveText('Copy: copied')
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as Record<string, unknown>
  expect(copied).toMatchObject({ event: 'tokenRejected', payload: { reason: 'disabled' }, before: {}, state: {} })
})

test('the timeline is filtered, paused and cleared', async ({ device, harnessUrl }) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  await page.evaluate(async () => {
    panelAuth.reportToken('disabled')
    await panelAuth.fetch('/api/notes')
  })
  await panel.show('Timeline')
  await panel.inner.getByRole('searchbox', { name: 'Filter' }).fill('rejected')
  await expect(panel.inner.locator('.timeline li')).toHaveText([/tokenRejected disabled$/])
  await panel.inner.getByRole('searchbox', { name: 'Filter' }).fill('')
  await panel.inner.getByRole('combobox', { name: 'Kind' }).selectOption('Requests')
  await expect(panel.inner.locator('.timeline li')).toHaveText([/GET \/api\/notes local-first → 200$/])
  await panel.inner.getByRole('combobox', { name: 'Kind' }).selectOption('Events')
  await panel.inner.getByRole('button', { name: 'Clear' }).click()
  await expect(panel.events).toHaveCount(0)
  await panel.inner.getByRole('button', { name: 'Pause' }).click()
  await page.evaluate(() => panelAuth.reportToken('missing'))
  await expect(panel.inner.getByText('1 new')).toBeVisible()
  await expect(panel.events).toHaveCount(0)
  await panel.inner.getByRole('button', { name: 'Pause' }).click()
  await expect(panel.events).toHaveText([/tokenRejected missing$/])
})

test('requests are listed with status, bearer and the reason of a refusal, without what is secret in an address', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  let answers = 0
  await page.route('**/api/notes', (route) => (answers++ ? route.fulfill({ json: [] }) : refuse(route, 'invalid')))
  await page.route('**/gone', (route) => route.abort())
  await page.evaluate(async () => {
    await panelAuth.fetch('/api/notes', { method: 'POST', body: '{}' })
    await fetch('/verify/Xb2kd93nQpL0aa81?token=abcdefgh', { headers: { 'x-latchkey-proof': 'e30.e30.e30' } })
    await fetch('/gone').catch(() => {})
  })
  await panel.show('Timeline')
  await expect(panel.requests).toHaveText([
    /GET \/gone none → failed$/,
    /GET \/verify\/Xb2k…\?token=… none \+ proof → 200$/,
    /POST \/api\/notes local-first → 200$/,
    /POST \/api\/notes local-first → 401 invalid$/,
  ])
  await openRows(panel)
  await expect(panel.requests.last()).toContainText(`Audience${harnessUrl}`)
  await expect(panel.requests.last().getByRole('link')).toHaveAttribute('href', /docs\/troubleshooting\.md#/)
  const all = await readAll(page)
  for (const hidden of ['Xb2kd93n', 'abcdefgh', 'e30.e30']) expect(all).not.toContain(hidden)
})

test('a token is shown with header, claims and life; it expires and is refreshed on request', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  const sent: number[] = []
  await page.route('**/api/notes', (route) => {
    const left = payloadOf(route).exp - Date.now() / 1000
    sent.push(Math.sign(left))
    return left > 0 ? route.fulfill({ json: [] }) : refuse(route, 'expired')
  })
  await panel.show('Tokens')
  await expect(panel.inner).toContainText('No token yet')
  await panel.act('Refresh')
  await panel.show('Tokens')
  const card = panel.inner.getByRole('article')
  await expect(card).toContainText(/1[45] min \d+ s left/)
  await expect(card.getByRole('region', { name: 'Header' })).toContainText('"typ": "latchkey+jwt"')
  await expect(card.getByRole('region', { name: 'Claims' })).toContainText(`"aud": "${harnessUrl}"`)

  await panel.act('Expire')
  await panel.show('Tokens')
  await expect(card).toContainText(/expired \d+ min \d+ s ago/)
  await page.evaluate(() => panelAuth.fetch('/api/notes'))
  expect(sent).toEqual([-1, 1])
  await panel.show('Timeline')
  await expect(panel.requests).toHaveText([/→ 200$/, /→ 401 expired$/])
  await expect(panel.notes).toHaveText([/Expire/, /Refresh/])
})

test('a wrong clock reaches the next request, and its correction is in the timeline', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  await page.route('**/api/notes', (route) => {
    const ahead = payloadOf(route).iat - Date.now() / 1000
    if (Math.abs(ahead) < 60) return route.fulfill({ json: [] })
    return route.fulfill({
      status: 401,
      headers: {
        'www-authenticate': 'Bearer error="invalid_token", error_description="expired"',
        date: new Date().toUTCString(),
      },
    })
  })
  const ask = (): Promise<number> => page.evaluate(async () => (await panelAuth.fetch('/api/notes')).status)
  expect(await ask()).toBe(200)
  for (const skew of ['+5 min', '−1 h'] as const) {
    await panel.skew(skew).check()
    expect(await ask()).toBe(200)
  }
  await expect(panel.fact('server time')).toHaveText(/^\+(59 min|1 h)/)
  await panel.show('Timeline')
  const steps = panel.inner.locator('li:is([data-kind="note"], [data-kind="request"]) summary')
  await expect(steps).toHaveText([
    /GET \/api\/notes local-first → 200$/,
    /clockCorrected \+(59 min \d+ s|1 h 0 min)$/,
    /→ 401 expired$/,
    /clock −1 h$/,
    /→ 200$/,
    /clockCorrected −(4 min \d+|5 min \d+) s$/,
    /→ 401 expired$/,
    /clock \+5 min$/,
    /→ 200$/,
  ])
  await panel.show('State')
  await panel.skew('right').check()
  expect(await ask()).toBe(200)
  await expect(panel.fact('server time')).toContainText('same as here')
})

test('each refusal, a vanished record, a second device and a conflict can be had, and undone', async ({
  device,
  harnessUrl,
}) => {
  const { page, principal } = await device()
  const panel = await open(page, harnessUrl)
  for (const reason of ['expired', 'missing', 'invalid', 'disabled']) {
    await panel.act(reason)
    await panel.show('State')
    await expect(panel.fact('error')).toContainText(reason)
    await expect(panel.inner.getByRole('region', { name: 'Explanations' }).getByRole('link')).toBeVisible()
  }
  await panel.act('accepted again')
  await panel.show('State')
  await expect(panel.fact('error')).toHaveText('none')

  const first = await principal()
  await panel.act('Delete the record')
  await panel.inner.getByRole('button', { name: 'Delete the record: really?' }).click()
  await panel.show('State')
  await expect(panel.fact('storage')).toContainText('KEYSTORE_VANISHED')
  await panel.act('Put it back')
  await panel.show('State')
  await expect(panel.fact('storage')).toHaveText('works')
  expect(await principal()).toBe(first)

  await panel.act('Second device')
  await panel.inner.getByRole('button', { name: 'Second device: really?' }).click()
  await expect.poll(principal).not.toBe(first)
  await expect.poll(principal).not.toBeNull()
  await panel.act('Previous device')
  await panel.inner.getByRole('button', { name: 'Previous device: really?' }).click()
  await expect.poll(principal).toBe(first)

  await panel.act('Show a conflict')
  await panel.show('State')
  await expect(panel.present).toHaveText('conflict')
  await panel.act('End it')
  await panel.show('State')
  await expect(panel.present).toHaveText('ready')
})

test('the record is shown without its secret, with the other tabs and the locks that are held', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  const other = await context(page).newPage()
  await open(other, harnessUrl)
  await other.evaluate(() => (document.title = 'The other one'))
  await panel.show('Storage')
  await expect(panel.inner.getByRole('region', { name: 'Record' })).toContainText('"key": "a secret, not shown"')
  await expect(panel.inner).toContainText('Harness (this tab)')
  await expect(panel.inner).toContainText('The other one')
  const release = await other.evaluateHandle(() => {
    let end = (): void => {}
    void navigator.locks.request('latchkey:latchkey:token', () => new Promise<void>((resolve) => (end = resolve)))
    return { end: () => end() }
  })
  await expect(panel.inner).toContainText('held: the refresh of an account token')
  await release.evaluate(({ end }) => end())
  await expect(panel.inner).toContainText('None is held')
  await other.close({ runBeforeUnload: false })
})

test('without cookies, requests carry none, and those of responses are ignored', async ({ device, harnessUrl }) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  await page.evaluate(() => (document.cookie = 'session=1'))
  const cookies: (string | undefined)[] = []
  await page.route('**/api/notes', async (route) => {
    cookies.push((await route.request().allHeaders())['cookie'])
    await route.fulfill({ json: [], headers: { 'set-cookie': 'planted=1' } })
  })
  const ask = (): Promise<unknown> => page.evaluate(() => panelAuth.fetch('/api/notes').then(() => {}))
  const isWithout = panel.inner.getByRole('switch', { name: 'No cookies' })
  await isWithout.check()
  await expect(panel.header).toContainText('no cookies')
  await ask()
  expect(await page.evaluate(() => document.cookie)).toBe('session=1')
  await isWithout.uncheck()
  await ask()
  expect(cookies).toEqual([undefined, 'session=1'])
})

test('it is usable above modal dialogs, in a shadow root too, and goes back afterwards', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const panel = await open(page, harnessUrl)
  await page.evaluate(() => {
    const dialog = document.createElement('dialog')
    const field = document.createElement('input')
    field.ariaLabel = 'E-mail'
    dialog.append(field)
    dialog.style.transform = 'rotate(1deg)'
    dialog.addEventListener('click', () => dialog.close())
    document.body.append(dialog)
    dialog.showModal()
  })
  await panel.offline.check()
  await expect(panel.header).toContainText('offline')
  await page.getByLabel('E-mail').fill('ada@example.com')
  const box = (await panel.inner.boundingBox())!
  expect([box.x + box.width, box.y + box.height]).toEqual([1280 - 16, 720 - 16])
  await panel.header.press('Escape')
  await expect(panel.present).toBeHidden()
  await expect(page.getByLabel('E-mail')).toHaveValue('ada@example.com')
  await panel.header.click()
  await panel.offline.uncheck()
  await page.evaluate(() => document.querySelector('dialog')!.remove())
  await expect(panel.element.getByRole('complementary')).toBeVisible()

  await page.evaluate(() => {
    const host = document.body.appendChild(document.createElement('div'))
    const dialog = document.createElement('dialog')
    dialog.append(document.createElement('input'))
    host.attachShadow({ mode: 'open' }).append(dialog)
    dialog.showModal()
  })
  await panel.offline.check()
  await panel.element.evaluate((element) => element.remove())
  await expect(panel.inner).toHaveCount(0)
  await expect(page.locator('[data-latchkey-devtools]')).toHaveCount(0)
})

test('its place, its size and its view are remembered', async ({ device, harnessUrl }) => {
  const { page } = await device()
  let panel = await open(page, harnessUrl)
  await panel.inner.getByRole('combobox', { name: 'Position' }).selectOption('left')
  await panel.inner.getByRole('separator', { name: 'Size' }).press('ArrowRight')
  await panel.inner.getByRole('separator', { name: 'Size' }).press('ArrowRight')
  await panel.show('Tokens')
  const box = await panel.inner.boundingBox()
  expect(box).toEqual({ x: 0, y: 0, width: 488, height: 720 })
  await page.evaluate(() => document.querySelector('latchkey-devtools')!.remove())
  await page.reload()
  await page.evaluate(() => {
    harness.defineDevtools()
    harness.createAuth()
    const element = document.createElement('latchkey-devtools')
    element.open = true
    document.body.append(element)
  })
  panel = panelOf(page)
  await expect(panel.inner.getByRole('tab', { name: 'Tokens' })).toHaveAttribute('aria-selected', 'true')
  expect(await panel.inner.boundingBox()).toEqual(box)
})

test('an account that was signed in outside upgrade is explained', async ({ device, harnessUrl }) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    harness.defineDevtools()
    const account = harness.memoryAccountServer().connect()
    await account.signUp('ada')
    await harness.createAuth({ account: account.provider }).listIdentities()
    const element = document.createElement('latchkey-devtools')
    element.open = true
    document.body.append(element)
  })
  const panel = panelOf(page)
  const explanation = panel.inner.getByRole('region', { name: 'Explanations' })
  await expect(explanation).toContainText('An account is signed in outside auth.upgrade()')
  await expect(explanation.getByRole('link')).toHaveAttribute('href', /use-session\.md#calls-that-bypass-latchkey$/)
})

for (const [name, options] of Object.entries({
  'in light colours': {},
  'in dark colours on a phone': { colorScheme: 'dark', viewport: { width: 360, height: 700 } },
} as const))
  test(`axe finds nothing in any view, ${name}`, async ({ device, harnessUrl }) => {
    const { page } = await device(options)
    const panel = await open(page, harnessUrl)
    await page.evaluate(async () => {
      await panelAuth.fetch('/api/notes')
      panelAuth.reportToken('invalid')
    })
    await page.evaluate(axe.source)
    for (const view of ['State', 'Tokens', 'Storage', 'Acts', 'Timeline'] as const) {
      await panel.show(view)
      if (view === 'Timeline') await openRows(panel)
      const found = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run('latchkey-devtools')
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
      })
      expect(found, view).toEqual([])
    }
  })
