// Takes the pictures of the docs: `npm run screenshots`.
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { startFreshApp } from './app-server.mjs'
import { findBrowser } from './browser.mjs'

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const desktop = { viewport: { width: 1200, height: 750 } }
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const NOTES = [
  ['Ideas for the garden', 'Move the roses to the south wall.\nAsk Jonas about the pear tree.'],
  ['Reading list', 'The Peregrine, J. A. Baker\nPilgrim at Tinker Creek'],
  ['Packing for Lisbon', 'Passport\nCharger and the small adapter\nThe blue jacket'],
  ['Bread, second attempt', '500 g flour, 370 g water, 10 g salt, 90 g starter.\n\nMix at nine in the evening, fold three times half an hour apart, and leave it in the cold hallway overnight. Shape at seven. Oven as hot as it goes, lid on for twenty-five minutes, off for twenty.\n\nLast time the crumb was tight: give it another hour before shaping, and do not be shy with the water.'],
]

const people = ['ada', 'grace', 'joan', 'mary']

const app = await startFreshApp()
const browser = await chromium.launch({ executablePath: findBrowser(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

/**
 * @param {import('@playwright/test').Page} page
 * @param {boolean} isPhone
 */
async function write(page, isPhone) {
  for (const [title = '', body = ''] of NOTES) {
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

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const [size, options] of Object.entries({ desktop, phone })) {
    const context = await browser.newContext({ ...options, colorScheme, reducedMotion: 'reduce' })
    const page = await context.newPage()
    const shoot = (/** @type {string} */ name) => page.screenshot({ path: `${folder}${name}-${size}-${colorScheme}.png`, caret: 'initial' })
    await page.goto(app.url)
    await page.getByTestId('first-note').waitFor()
    await shoot('first-visit')
    await write(page, size === 'phone')
    await shoot('local-first')
    await signUp(page, people.pop() ?? 'ada')
    await shoot('sign-up')
    await page.getByTestId('auth-submit').click()
    await page.getByTestId('auth-dialog').waitFor({ state: 'hidden' })
    await page.locator('[data-testid="sync-status"][data-status="synced"]').waitFor()
    await page.getByTestId('mode').filter({ hasText: '@' }).waitFor()
    await shoot('signed-in')
    await openPanel(page, colorScheme === 'dark')
    await shoot('devtools')
    await context.close()
  }
}

await browser.close()
await app.close()
