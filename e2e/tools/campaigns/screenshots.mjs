// Takes the pictures of the docs: `npm run screenshots`, or those of one scene: `npm run screenshots conflict`.
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { startFreshApp } from '../servers/app-server.mjs'
import { findBrowser } from './browser.mjs'

const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url))
const desktop = { viewport: { width: 1200, height: 750 } }
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const NOTES = [
  ['Ideas for the garden', 'Move the roses to the south wall.\nAsk Jonas about the pear tree.'],
  ['Reading list', 'The Peregrine, J. A. Baker\nPilgrim at Tinker Creek'],
  ['Packing for Lisbon', 'Passport\nCharger and the small adapter\nThe blue jacket'],
  [
    'Bread, second attempt',
    '500 g flour, 370 g water, 10 g salt, 90 g starter.\n\nMix at nine in the evening, fold three times half an hour apart, and leave it in the cold hallway overnight. Shape at seven. Oven as hot as it goes, lid on for twenty-five minutes, off for twenty.\n\nLast time the crumb was tight: give it another hour before shaping, and do not be shy with the water.',
  ],
]

const people = ['ada', 'grace', 'joan', 'mary']

const app = await startFreshApp()
const browser = await chromium.launch({
  executablePath: findBrowser(),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

/**
 * @param {import('@playwright/test').Page} page
 * @param {boolean} isPhone
 * @param {string[][]} notes
 */
async function write(page, isPhone, notes) {
  for (const [title = '', body = ''] of notes) {
    await page.getByTestId('new-note').click()
    await page.getByTestId('note-title').fill(title)
    await page.getByTestId('note-body').fill(body)
    if (isPhone) await page.getByTestId('back').click()
  }
  await page.locator('[data-testid="sync-status"][data-status="synced"]').waitFor()
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {string} name
 */
async function signUp(page, name) {
  await page.getByTestId('nudge-signup').click()
  await fillIn(page, name)
}

/** @param {import('@playwright/test').Page} page */
async function submit(page) {
  await page.getByTestId('auth-submit').click()
  await page.getByTestId('auth-dialog').waitFor({ state: 'hidden' })
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {string} name
 */
async function fillIn(page, name) {
  await page.getByTestId('auth-email').fill(`${name}@example.com`)
  await page.getByTestId('auth-password').fill('correct horse battery')
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {boolean} isOffline
 */
async function openPanel(page, isOffline) {
  await page.getByTestId('account-menu').click()
  await page.getByTestId('developer-panel').click()
  const present = page.locator('latchkey-devtools .phase[data-is="present"]')
  await present.waitFor()
  if (!isOffline) return
  await page.getByRole('switch', { name: 'Offline' }).check()
  await page.locator('latchkey-devtools .body').evaluate((body) => body.scrollTo(0, 0))
}

/**
 * @typedef {{ page: import('@playwright/test').Page, size: string, colorScheme: string, shoot(name: string):
 * Promise<unknown> }} Scene
 */

/** @param {Scene} scene */
async function firstUse({ page, size, colorScheme, shoot }) {
  await page.getByTestId('first-note').waitFor()
  await shoot('first-visit')
  await write(page, size === 'phone', NOTES)
  await shoot('local-first')
  await signUp(page, people.pop() ?? 'ada')
  await shoot('sign-up')
  await submit(page)
  await page.locator('[data-testid="sync-status"][data-status="synced"]').waitFor()
  await page.getByTestId('mode').filter({ hasText: '@' }).waitFor()
  await shoot('signed-in')
  await openPanel(page, colorScheme === 'dark')
  await shoot('devtools')
}

/** The account has three notes, from another device. @param {Scene} scene */
async function conflict({ page, size, colorScheme, shoot }) {
  const name = `${size}-${colorScheme}`
  const other = await browser.newPage()
  await other.goto(app.url)
  await write(other, false, NOTES.slice(0, 3))
  await signUp(other, name)
  await submit(other)
  await other.locator('[data-testid="sync-status"][data-status="synced"]').waitFor()
  await other.close()
  await write(page, size === 'phone', [NOTES[3] ?? [], ['Call the piano tuner', 'Before Friday, please.']])
  await page.getByTestId('open-auth').click()
  await fillIn(page, name)
  await submit(page)
  await page.getByTestId('conflict-there').filter({ hasText: 'notes' }).waitFor()
  await page.mouse.move(0, 0)
  await shoot('conflict')
  await page.getByTestId('conflict-ask-discard').click()
  await shoot('conflict-discard')
  await page.getByTestId('conflict-keep').click()
  await page.getByTestId('conflict-adopt').click()
  await page.getByTestId('conflict-dialog').waitFor({ state: 'hidden' })
  await page.getByTestId('note-item').nth(4).waitFor({ state: 'attached' })
  await page.locator('[data-testid="sync-status"][data-status="synced"]').waitFor()
  if (size === 'phone' && (await page.getByTestId('back').isVisible())) await page.getByTestId('back').click()
  await page.getByTestId('account-menu').click()
  await page.getByTestId('adopted').waitFor()
  await shoot('adopted')
}

const scenes = { 'first-use': firstUse, conflict }
const wanted = process.argv.slice(2)

for (const [name, play] of Object.entries(scenes).filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const [size, options] of Object.entries({ desktop, phone })) {
      console.log(name, colorScheme, size)
      const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' })
      const page = await context.newPage()
      await page.goto(app.url)
      await play({
        page,
        size,
        colorScheme,
        shoot: (picture) =>
          page.screenshot({ path: `${folder}${picture}-${size}-${colorScheme}.png`, caret: 'initial' }),
      })
      await context.close()
    }
  }
}

await browser.close()
await app.close()
