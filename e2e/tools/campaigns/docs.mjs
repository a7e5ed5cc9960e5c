// `npm run test:docs`: opens every page of the built documentation in Chromium, in light and dark, wide and narrow, and
// checks it: axe-core finds nothing, no request leaves the site, no link and no anchor leads nowhere, and the search
// works by keyboard. Arguments are parts of addresses: `npm run test:docs -- errors` checks only those pages.
// `--pictures FOLDER` also takes pictures of them.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from '@playwright/test'
import axe from 'axe-core'
import { SITE, serveDocs } from '../servers/docs.mjs'
import { findBrowser, findShell } from './browser.mjs'

const LOOKS = /** @type {const} */ ([
  { name: 'desktop-light', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'desktop-dark', colorScheme: 'dark', width: 1280, height: 800 },
  { name: 'phone-dark', colorScheme: 'dark', width: 390, height: 844 },
  { name: 'phone-light', colorScheme: 'light', width: 390, height: 844 },
])

/** What VitePress 1.6.4's own list of results breaks: options that contain links, and labels other than their text. */
const SEARCH_RULES = ['aria-prohibited-attr', 'label-content-name-mismatch', 'nested-interactive']

const { values, positionals } = parseArgs({ options: { pictures: { type: 'string' } }, allowPositionals: true })
if (!existsSync(SITE)) throw new Error('There is no site yet: run `npm run docs` first.')
const pages = readdirSync(SITE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'))
const chosen = pages
  .filter((path) => positionals.length === 0 || positionals.some((part) => path.includes(part)))
  .sort()
if (chosen.length === 0) throw new Error('No page has such an address.')

const site = await serveDocs(0)
const browser = await chromium.launch({ executablePath: findShell(findBrowser()) })
/** @type {string[]} */
const faults = []
/** Anchors of each page, and the links to pages with anchors. @type {Map<string, Set<string>>} */
const anchors = new Map()
/** @type {{ from: string, to: URL }[]} */
const links = []

/**
 * @param {import('@playwright/test').Page} page
 * @returns {Promise<string[]>} what axe-core finds, each rule with its first element
 */
function violationsOf(page) {
  return page.evaluate(async () => {
    // @ts-expect-error: put into the page by `addScriptTag`.
    const { violations } = await globalThis.axe.run()
    return violations.map((/** @type {{ id: string, nodes: { html: string }[] }} */ { id, nodes }) => {
      return `${id} ×${nodes.length}: ${nodes[0]?.html.slice(0, 160)}`
    })
  })
}

/** @param {import('@playwright/test').Page} page @param {string} name */
async function checkLooks(page, name) {
  for (const { name: look, colorScheme, width, height } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height })
    faults.push(...(await violationsOf(page)).map((text) => `${name} ${look}: ${text}`))
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    if (overflow > 0) faults.push(`${name} ${look}: ${overflow} px wider than the window`)
    if (values.pictures) {
      const file = `${name.replaceAll('/', '-').replace('.html', '')}-${look}.png`
      await page.screenshot({ path: join(values.pictures, file) })
    }
  }
}

/** @param {string} name */
async function checkPage(name) {
  const page = await browser.newPage()
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== site.origin)
      faults.push(`${name} asks for ${request.url()}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400 && name !== '404.html') faults.push(`${name}: ${response.status()} ${response.url()}`)
  })
  page.on('pageerror', (error) => faults.push(`${name}: ${error.message}`))
  await page.goto(`${site.origin}/${name}`, { waitUntil: 'networkidle' })
  const seen = await page.evaluate(() => ({
    ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
    links: [...document.querySelectorAll('a[href]')].map((link) => /** @type {HTMLAnchorElement} */ (link).href),
  }))
  anchors.set(name, new Set(seen.ids))
  for (const link of seen.links) {
    const to = new URL(link)
    if (to.origin === site.origin) links.push({ from: name, to })
  }
  await page.addScriptTag({ content: axe.source })
  await checkLooks(page, name)
  await page.close()
}

function checkLinks() {
  for (const { from, to } of links) {
    const path = to.pathname.slice(1)
    const target = [path, `${path}index.html`, `${path}.html`].find((file) => pages.includes(file))
    if (target === undefined) {
      if (!existsSync(join(SITE, path))) faults.push(`${from} links to ${to.pathname}`)
    } else if (to.hash !== '' && anchors.get(target)?.has(decodeURIComponent(to.hash.slice(1))) === false)
      faults.push(`${from} links to ${to.pathname}${to.hash}`)
  }
}

/** By keyboard alone: the link that skips the navigation, and the search. */
async function checkKeyboard() {
  const page = await browser.newPage()
  await page.goto(`${site.origin}/`, { waitUntil: 'networkidle' })
  await page.keyboard.press('Tab')
  const first = await page.evaluate(() => document.activeElement?.textContent?.trim())
  if (first !== 'Skip to content') faults.push(`the first stop of the keyboard is “${first}”`)
  await page.keyboard.press('Control+k')
  await page.getByRole('searchbox').fill('KEYSTORE_VANISHED')
  await page.locator('.VPLocalSearchBox .result').first().waitFor()
  await page.addScriptTag({ content: axe.source })
  const found = (await violationsOf(page)).filter((text) => !SEARCH_RULES.some((rule) => text.startsWith(rule)))
  faults.push(...found.map((text) => `the search: ${text}`))
  await page.keyboard.press('Enter')
  await page.waitForURL(/errors\.html#keystore_vanished/)
  await page.close()
}

for (const name of chosen) await checkPage(name)
checkLinks()
await checkKeyboard()
await browser.close()
site.close()
const counts = `${chosen.length} pages, ${LOOKS.length} looks each, ${links.length} links`
console.log(
  faults.length === 0
    ? `${counts}: no faults`
    : `${[...new Set(faults)].join('\n')}\n${counts}: ${faults.length} faults`,
)
process.exitCode = faults.length === 0 ? 0 : 1
