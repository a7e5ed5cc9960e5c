import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import puppeteer, {
  type BrowserContext,
  type Browser as PuppeteerBrowser,
  type Page as PuppeteerPage,
} from 'puppeteer-core'
import type { Browser, LaunchOptions, Page } from './browser.ts'
import { type Child, startChild } from './child.ts'
import type { Programs } from './programs.ts'

const CHROMIUM = [
  '--remote-debugging-port=0',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
]
const FIREFOX = ['--headless', '--remote-debugging-port=0', '--no-remote']

/** Nothing about storage: only that it does not greet anybody, call anybody or come back with the tabs of before. */
const PREFERENCES = {
  'app.normandy.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.sessionstore.resume_from_crash': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.startup.max_resumed_crashes': -1,
}

/** Starts Chromium. */
export async function launchChromium(
  { browser: program, libraries }: Programs,
  { profile, storage }: LaunchOptions,
): Promise<Browser> {
  if (storage === 'off') writeSettings(profile, { profile: { default_content_setting_values: { cookies: 2 } } })
  const child = startChild(
    program!,
    [
      // A headless shell knows no other way.
      libraries ? '--headless' : '--headless=new',
      ...CHROMIUM,
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      `--user-data-dir=${profile}`,
    ],
    libraries ? { LD_LIBRARY_PATH: libraries } : {},
  )
  const browserWSEndpoint = await child.prints(/DevTools listening on (ws:\S+)/)
  const browser = await puppeteer.connect({ browserWSEndpoint, protocolTimeout: 0 })
  return browserOf(
    child,
    browser,
    storage === 'private' ? await browser.createBrowserContext() : browser.defaultBrowserContext(),
  )
}

/** Starts Firefox. */
export async function launchFirefox(
  { browser: program }: Programs,
  { profile, storage }: LaunchOptions,
): Promise<Browser> {
  writePreferences(profile, {
    ...PREFERENCES,
    'browser.privatebrowsing.autostart': storage === 'private',
    ...(storage === 'off' && { 'network.cookie.cookieBehavior': 2 }),
  })
  const child = startChild(program!, [...FIREFOX, '--profile', profile])
  const browserWSEndpoint = `${await child.prints(/WebDriver BiDi listening on (ws:\S+)/)}/session`
  const browser = await puppeteer.connect({ browserWSEndpoint, protocol: 'webDriverBiDi', protocolTimeout: 0 })
  return browserOf(child, browser, browser.defaultBrowserContext())
}

/** What a person chooses under “Block all cookies” and the like. */
function writeSettings(profile: string, settings: object): void {
  mkdirSync(join(profile, 'Default'), { recursive: true })
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(settings))
}

function writePreferences(profile: string, preferences: Readonly<Record<string, unknown>>): void {
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  )
  writeFileSync(join(profile, 'user.js'), lines.join(''))
}

async function browserOf(child: Child, browser: PuppeteerBrowser, context: BrowserContext): Promise<Browser> {
  return {
    version: await browser.version(),
    async newPage(url) {
      const page = pageOf(await context.newPage())
      await page.visit(url)
      return page
    },
    async close() {
      if (browser.connected) await browser.close()
      await child.ended
    },
    kill: () => child.end('SIGKILL'),
  }
}

function pageOf(page: PuppeteerPage): Page {
  page.setDefaultTimeout(0)
  return {
    visit: async (url) => void (await page.goto(url)),
    evaluate: async (work, argument) =>
      (await page.evaluate(work as (argument: unknown) => unknown, argument)) as Awaited<ReturnType<typeof work>>,
    close: () => page.close(),
  }
}
