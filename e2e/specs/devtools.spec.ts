import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import { conflicted, decide } from '../support/conflicts.ts'
import { type Panel, openRows, panelOf, readAll } from '../support/devtools-panel.ts'
import {
  enter,
  expect,
  expectNotes,
  expectSynced,
  newPerson,
  readyForOffline,
  signUp,
  test,
  writeNote,
} from '../support/notes.ts'

async function openPanel({ page }: Device): Promise<Panel> {
  await page.getByTestId('account-menu').click()
  await page.getByTestId('developer-panel').click()
  const panel = panelOf(page)
  await expect(panel.header).toHaveAttribute('aria-expanded', 'true')
  return panel
}

/** Holds a request back until it is released. */
async function hold(page: Page, address: string): Promise<() => void> {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  await page.route(address, async (route) => {
    await held
    await route.continue()
  })
  return release
}

test('the current phase is highlighted, also during an upgrade (checklist 31: what the state machine does)', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const { page } = device
  const panel = await openPanel(device)
  for (const phase of ['starting', 'ready', 'upgrading', 'pending', 'conflict', 'signing-out'])
    await expect(panel.element.locator(`[data-phase="${phase}"]`)).toBeVisible()
  await expect(panel.present).toHaveText('ready')
  await expect(panel.taken).toHaveAttribute('data-way', 'starting ready')
  await expect(panel.fact('mode')).toContainText('local-first')

  const release = await hold(page, '**/api/auth/sign-up/email')
  await enter(page, 'sign-up', newPerson())
  await expect(panel.present).toHaveText('upgrading')
  await expect(panel.taken).toHaveAttribute('data-way', 'ready upgrading')
  await expect(panel.inner.getByRole('img')).toHaveAccessibleName(
    /Current phase: upgrading\. From here to ready by upgradeCompleted or upgradeFailed/,
  )
  await panel.show('Timeline')
  await expect(panel.events.filter({ hasText: 'upgradeStarted' })).toContainText('→ upgrading')
  await panel.show('State')
  release()
  await expect(panel.present).toHaveText('ready')
  await expect(panel.taken).toHaveAttribute('data-way', 'upgrading ready')
  await expect(panel.fact('mode')).toContainText('external')
  await panel.show('Timeline')
  await expect(panel.events.filter({ hasText: 'upgradeCompleted' })).toContainText('→ ready')
})

test('the whole history since the start is there, with times (checklist 31: what the state machine does)', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const panel = await openPanel(device)
  await panel.show('Timeline')
  await expect(panel.events.last()).toContainText('opened')
  await expect(panel.events.last()).toContainText(/^\d\d:\d\d:\d\d/)
  // The fixture has a hook of its own, which was there first.
  const missed = async (): Promise<unknown> => {
    const heard = await device.events()
    const shown = await panel.events.locator('summary code').allTextContents()
    return {
      shown: shown.length > 0,
      missed: heard
        .map(({ event }) => event)
        .toReversed()
        .filter((event, index) => event !== shown[index]),
    }
  }
  await expect.poll(missed).toEqual({ shown: true, missed: [] })
})

test('the offline switch stops every request, and puts everything back', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await readyForOffline(page)
  const panel = await openPanel(device)
  const before = await page.evaluateHandle(() => ({
    fetch: globalThis.fetch,
    property: Object.getOwnPropertyDescriptor(globalThis, 'fetch'),
    // The demo has a switch of its own.
    onLine: Object.getOwnPropertyDescriptor(navigator, 'onLine')?.get,
  }))
  await panel.offline.check()
  await expect(panel.header).toContainText('offline')
  expect(await page.evaluate(() => navigator.onLine)).toBe(false)

  const sent: string[] = []
  page.on('request', (request) => void (request.resourceType() === 'fetch' && sent.push(request.url())))
  await writeNote(page, 'Written without a network')
  await expect(page.getByTestId('sync-status')).toHaveAttribute('data-status', 'offline')
  await enter(page, 'sign-up', newPerson())
  await expect(page.getByTestId('auth-error')).toContainText('cannot be reached')
  await page.getByTestId('auth-close').click()
  expect(sent).toEqual([])

  await panel.offline.uncheck()
  await expect(panel.header).not.toContainText('offline')
  await expectSynced(page)
  expect(
    await page.evaluate(({ fetch, property, onLine }) => {
      const now = Object.getOwnPropertyDescriptor(globalThis, 'fetch')
      return [
        globalThis.fetch === fetch,
        JSON.stringify(now) === JSON.stringify(property),
        now?.value === property?.value,
        navigator.onLine,
        Object.getOwnPropertyDescriptor(navigator, 'onLine')?.get === onLine,
      ]
    }, before),
  ).toEqual([true, true, true, true, true])
  await signUp(device, newPerson())
})

test('a panel that is closed takes its switches back', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  const original = await page.evaluateHandle(() => globalThis.fetch)
  const panel = await openPanel(device)
  await panel.offline.check()
  await panel.skew('+1 h').check()
  await panel.header.click()
  await expect(panel.element).toHaveCount(0)
  expect(await page.evaluate((fetch) => [globalThis.fetch === fetch, navigator.onLine], original)).toEqual([true, true])
  await writeNote(page, 'After it')
  await expectSynced(page)
  await expect((await openPanel(device)).skew('right')).toBeChecked()
})

test('no secret and no token is anywhere in it', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  const hidden = new Set<string>()
  page.on('request', (request) => {
    for (const value of Object.values(request.headers()))
      for (const jws of value.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? []) hidden.add(jws)
  })
  const panel = await openPanel(device)
  const seen: string[] = []
  const look = async (): Promise<void> => {
    for (const view of ['Tokens', 'Storage', 'Acts'] as const) {
      await panel.show(view)
      seen.push(await readAll(page))
    }
    await openRows(panel)
    seen.push(await readAll(page))
    await panel.show('State')
  }

  await writeNote(page, 'Something to sign for')
  await expectSynced(page)
  await expect(panel.fact('token')).toContainText('left')
  await look()
  const secrets = await page.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const open = indexedDB.open('latchkey:latchkey')
        open.onerror = reject
        open.onsuccess = () => {
          const [store = ''] = open.result.objectStoreNames
          const all = open.result.transaction(store).objectStore(store).getAll()
          all.onsuccess = () =>
            resolve([...JSON.stringify(all.result).matchAll(/"secret":"([\w-]{43})"/g)].map(([, secret]) => secret!))
        }
      }),
  )
  const principal = await device.principal()
  const user = newPerson()
  await signUp(device, user)
  await expectSynced(page)
  // Local-first token, proof and account token.
  await expect.poll(() => hidden.size).toBeGreaterThanOrEqual(3)
  await look()
  await panel.offline.check()
  await look()

  expect(secrets).toHaveLength(1)
  const cookies = (await page.context().cookies()).map(({ value }) => decodeURIComponent(value))
  expect(cookies).not.toEqual([])
  const pieces = [...secrets, ...cookies, user.password, ...[...hidden].flatMap((jws) => jws.split('.').slice(1))]
  const windows = pieces.flatMap((piece) =>
    Array.from({ length: piece.length - 11 }, (_, start) => piece.slice(start, start + 12)),
  )
  for (const text of seen) {
    expect(text).toContain(principal!.slice(0, 8))
    expect(windows.filter((window) => text.includes(window))).toEqual([])
  }
})

test('everything works by the keyboard, and its keys are no shortcuts of the app', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  const press = (...keys: string[]): Promise<void> =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve())
  await page.getByTestId('account-menu').focus()
  await press('Enter')
  await page.getByTestId('developer-panel').focus()
  await press('Enter')
  const panel = panelOf(page)
  await expect(panel.header).toBeFocused()

  // The views, the position, the switches.
  await press('Tab', 'Tab', 'Tab', 'Space')
  await expect(panel.offline).toBeChecked()
  await press('Space')
  await expect(panel.offline).not.toBeChecked()
  await press('Tab', 'Tab', 'ArrowRight')
  await expect(panel.skew('+5 min')).toBeChecked()
  await panel.header.focus()
  await press('Tab', 'ArrowRight')
  await expect(panel.inner.getByRole('tab', { name: 'Timeline' })).toBeFocused()
  // The position, and the bar of the timeline.
  await press('Tab', 'Tab')
  await page.keyboard.type('opened')
  await expect(panel.events).toHaveCount(1)
  await press('Tab', 'Tab', 'Tab', 'Tab', 'Tab')
  await expect(panel.inner.getByRole('region', { name: 'Last events' })).toBeFocused()
  await press('Tab', 'Enter')
  await expect(panel.events.getByText('starting → ready')).toBeVisible()
  await press('n', '/')
  await expectNotes(page)
  await press('Escape')
  await expect(panel.element).toHaveCount(0)
  await expect(page.getByTestId('account-menu')).toBeFocused()
})

test('it is loaded only when it is opened', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  const files: string[] = []
  page.on('request', (request) => files.push(request.url()))
  await readyForOffline(page)
  await page.reload()
  await expect(page.getByTestId('mode')).toHaveText('No account yet')
  const kept = await page.evaluate(async () => {
    const caches = await Promise.all((await globalThis.caches.keys()).map((name) => globalThis.caches.open(name)))
    return (await Promise.all(caches.map((cache) => cache.keys()))).flat().map(({ url }) => url)
  })
  expect(kept.filter((url) => url.includes('/assets/lazy-'))).toHaveLength(1)
  const isPanel = (url: string): boolean => /\/assets\/(panel|controls)-/.test(url)
  expect(files.filter((url) => url.includes('/assets/index-'))).toHaveLength(2)
  expect([...kept, ...files].filter(isPanel)).toEqual([])
  await openPanel(device)
  await expect.poll(() => files.filter(isPanel)).toHaveLength(2)
})

test('without a network at the first opening, the page stays as it is', async ({ openNotes }) => {
  const { page, goOffline } = await openNotes()
  await readyForOffline(page)
  await goOffline()
  await page.getByTestId('account-menu').click()
  await page.getByTestId('developer-panel').click()
  await expect(page.getByTestId('announcement')).toContainText('could not be loaded')
  await expect(page.locator('latchkey-devtools')).toHaveCount(0)
})

test('after an adoption it knows of the key that this device brought along, and after the undo that none is current', async ({
  openNotes,
}) => {
  const { second, account, here } = await conflicted(openNotes)
  await second.page.keyboard.press('Escape')
  const panel = await openPanel(second)
  const secret = panel.fact('secret')
  await expect(secret).toHaveText('extractable scripts in this page could copy it')
  await second.page.getByTestId('conflict-decide').click()
  await decide(second, 'adopt')
  await expect(panel.fact('principal')).toHaveText(`${account.slice(0, 8)}… and 1 alias`)
  await expect(secret).toHaveText('extractable scripts in this page could copy it')
  expect(await keysOnDisk(second.page)).toEqual([[here, 'secret']])

  await second.page.getByTestId('account-menu').click()
  await second.page.getByTestId('adopted').getByRole('button', { name: 'Undo' }).click()
  await second.page.getByTestId('undo-anyway').click()
  await expect(panel.fact('principal')).toHaveText(`${account.slice(0, 8)}…`)
  await expect(secret).toHaveText('none no key in use; others are kept')
  expect(await keysOnDisk(second.page)).toEqual([[here, 'secret']])
})

/** Whose device keys the record holds, and in which form. */
function keysOnDisk(page: Page): Promise<[principal: string, form: 'secret' | 'keys'][]> {
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const open = indexedDB.open('latchkey:latchkey')
        open.onerror = reject
        open.onsuccess = () => {
          const [store = ''] = open.result.objectStoreNames
          const all = open.result.transaction(store).objectStore(store).getAll() as IDBRequest<
            { entries: { kind: string; principal: string; secret?: string }[] }[]
          >
          all.onsuccess = () =>
            resolve(
              all.result
                .flatMap(({ entries }) => entries)
                .filter(({ kind }) => kind === 'device')
                .map(({ principal, secret }) => [principal, secret ? 'secret' : 'keys']),
            )
        }
      }),
  )
}
