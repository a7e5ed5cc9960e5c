// `npm run film`: the moving picture of the README, played in the demo: write, offline, sign up, second device.
// Writes docs/images/tour.webp, and its last picture as tour.png for readers who want no motion.
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import sharp from 'sharp'
import { startFreshApp } from '../servers/app-server.mjs'
import { findBrowser, findShell } from './browser.mjs'

const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url))
const STAGE = { width: 960, height: 600 }
const WINDOW = { width: 912, height: 500 }
const PHONE = { width: 260, height: 500 }
const MOMENT_MS = 2500

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {{ text: string, step: number, windows: Buffer[] }} Moment */

const STEPS = ['Open', 'Write', 'Offline', 'Sign up', 'Second device']

const app = await startFreshApp()
const browser = await chromium.launch({
  executablePath: findShell(findBrowser()),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

/** @param {{ width: number, height: number }} viewport */
function openDevice(viewport) {
  return browser.newContext({ viewport, colorScheme: 'light', reducedMotion: 'reduce' })
}

/** @param {Page} page @param {string} title @param {string} body */
async function write(page, title, body) {
  await page.getByTestId('new-note').click()
  await page.getByTestId('note-title').fill(title)
  await page.getByTestId('note-body').fill(body)
}

/** @param {Page} page @param {string} status */
function hasStatus(page, status) {
  return page.locator(`[data-testid="sync-status"][data-status="${status}"]`).waitFor()
}

/** @param {Page} page */
async function fillIn(page) {
  await page.getByTestId('auth-email').fill('ada@example.com')
  await page.getByTestId('auth-password').fill('correct horse battery')
}

/** @param {Page} page */
async function submit(page) {
  await page.getByTestId('auth-submit').click()
  await page.getByTestId('auth-dialog').waitFor({ state: 'hidden' })
  await page.getByTestId('mode').filter({ hasText: '@' }).waitFor()
  await hasStatus(page, 'synced')
}

/** @returns {Promise<Moment[]>} */
async function play() {
  /** @type {Moment[]} */
  const moments = []
  const laptop = await openDevice(WINDOW)
  const page = await laptop.newPage()
  const shoot = async (/** @type {string} */ text, /** @type {number} */ step) =>
    moments.push({ text, step, windows: [await page.screenshot()] })

  await page.goto(app.url)
  await page.getByTestId('first-note').waitFor()
  await shoot('The user opens your app, and has an identity: no form, no request', 0)
  await write(page, 'Ideas for the garden', 'Move the roses to the south wall.\nAsk Jonas about the pear tree.')
  await hasStatus(page, 'synced')
  await shoot('They write. The device signs, and your server knows whose note it is', 1)
  await laptop.setOffline(true)
  await write(page, 'Packing for Lisbon', 'Passport\nCharger and the small adapter')
  await hasStatus(page, 'offline')
  await shoot('They go on without a network', 2)
  await laptop.setOffline(false)
  await hasStatus(page, 'synced')
  await page.getByTestId('nudge-signup').click()
  await fillIn(page)
  await shoot('They sign up, when they want to', 3)
  await submit(page)
  await shoot('The same identity and the same notes, now with an account', 3)

  const phone = await openDevice(PHONE)
  const second = await phone.newPage()
  await second.goto(app.url)
  await second.getByTestId('open-auth').click()
  await fillIn(second)
  await submit(second)
  await second.getByTestId('note-item').nth(1).waitFor()
  // They would cover the notes on a small screen.
  await second.getByTestId('toast-close').click()
  await second.getByTestId('guide-close').click()
  await second.evaluate(() => document.querySelector('[data-testid="note-item"]')?.scrollIntoView())
  await page.setViewportSize({ ...WINDOW, width: WINDOW.width - PHONE.width - 24 })
  const windows = [await page.screenshot(), await second.screenshot()]
  moments.push({ text: 'A second device signs in, and has them too', step: 4, windows })
  return moments
}

/** @param {Moment} moment */
function stageOf({ text, step, windows }) {
  const steps = STEPS.map((name, index) => `<li${index === step ? ' class="now"' : ''}>${name}</li>`)
  const pictures = windows.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`)
  return `<!doctype html><style>
    * { box-sizing: border-box; margin: 0 }
    body { width: ${STAGE.width}px; height: ${STAGE.height}px; padding: 14px 24px; background: #ece7df; color: #22201d;
      font: 20px/1.4 system-ui, sans-serif }
    ol { display: flex; gap: 22px; padding: 0; list-style: none; font-size: 14px; color: #6b665f }
    .now { color: #8a4b14; font-weight: 700 }
    p { margin: 0 0 8px }
    div { display: flex; gap: 24px }
    img { border-radius: 10px; box-shadow: 0 2px 12px rgb(0 0 0 / 18%) }
  </style><ol>${steps.join('')}</ol><p>${text}</p><div>${pictures.join('')}</div>`
}

try {
  const stage = await browser.newPage({ viewport: STAGE })
  const frames = []
  for (const moment of await play()) {
    await stage.setContent(stageOf(moment))
    frames.push(await stage.screenshot())
  }
  // It plays once, and stays at the last picture.
  const delay = frames.map(() => MOMENT_MS)
  await sharp(frames, { join: { animated: true } })
    .webp({ quality: 80, effort: 6, loop: 1, delay })
    .toFile(`${folder}tour.webp`)
  await sharp(frames.at(-1)).png({ palette: true }).toFile(`${folder}tour.png`)
  for (const name of ['tour.webp', 'tour.png']) console.log(name, statSync(folder + name).size, 'bytes')
} finally {
  await browser.close()
  await app.close()
}
