import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, LaunchOptions, Page } from '@playwright/test'
import type { AuthOptions, AuthState } from 'latchkey'
import type { AccountPage } from '../harness/account.ts'
import type { AccountServer } from './account-server.ts'
import { type KeptBrowser, launchKept } from './kept-browser.ts'
import { test as base } from './servers.ts'

declare global {
  var account: AccountPage
}

interface Fixtures {
  readonly server: AccountServer
  /** A folder for what a browser keeps. */
  readonly profile: string
  /** Starts a browser on that folder; the next one finds what the one before left. */
  readonly launch: () => Promise<KeptBrowser>
}

/** The part of Chromium that other pages are in keeps no settings of a site, and hides no tab. */
const WHOLE_BROWSER: LaunchOptions = process.env['LATCHKEY_CHROMIUM']
  ? { executablePath: process.env['LATCHKEY_CHROMIUM'] }
  : {}

/** `test` with a real account server, and browsers that can be started again on what they stored. */
export const test = base.extend<Fixtures>({
  server: async ({ accountServer }, use) => {
    await use(accountServer)
    accountServer.forget()
  },
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
  profile: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-profile-'))
    await use(folder)
    rmSync(folder, { recursive: true, maxRetries: 5 })
  },
  launch: async ({ launchOptions, profile }, use) => {
    let last: KeptBrowser | undefined
    await use(async () => (last = await launchKept(profile, { ...launchOptions, ...WHOLE_BROWSER })))
    await last?.close()
  },
})

export { expect } from 'latchkey/playwright'

/** Options of `createAuth` that a page can be told. */
export type PlainOptions = Pick<AuthOptions, 'name' | 'initialMode' | 'harden'>

/** Opens another tab with the library started in it. */
export async function openTab(context: BrowserContext, url: string, options?: PlainOptions): Promise<Page> {
  const page = await context.newPage()
  await start(page, url, options)
  return page
}

/** Loads the page, and starts the library in it. */
export async function start(page: Page, url: string, options?: PlainOptions): Promise<AuthState> {
  await page.goto(url)
  return startHere(page, options)
}

/** Starts the library in a page that is there already. */
export function startHere(page: Page, options?: PlainOptions): Promise<AuthState> {
  return page.evaluate(async (given) => (await account.open(given)).getState(), options)
}

export function stateOf(page: Page): Promise<AuthState> {
  return page.evaluate(() => account.auth.getState())
}

export async function principalOf(page: Page): Promise<string | null> {
  return (await stateOf(page)).session?.principal ?? null
}

/** A bearer for the current mode, or the code of the failure. */
export function tokenOf(page: Page, fresh = false): Promise<unknown> {
  return page.evaluate((isFresh) => account.codeOf(account.auth.getToken({ fresh: isFresh })), fresh)
}

/** Signs up or in; returns the outcome, or the code of the failure. */
export function enter(page: Page, how: 'signUp' | 'signIn', email: string): Promise<string> {
  return page.evaluate(([act, address]) => account.enter(act, address), [how, email] as const)
}

/** Waits until the state has these fields. Not by animation frames: a tab in the background has next to none. */
export async function waitForState(
  page: Page,
  expected: Partial<Pick<AuthState, 'authMode' | 'phase' | 'error'>>,
): Promise<AuthState> {
  await page.waitForFunction(
    (fields) => Object.entries(fields).every(([name, value]) => account.auth.getState()[name as 'phase'] === value),
    expected,
    { polling: 50 },
  )
  return stateOf(page)
}

export function someEmail(): string {
  return `${randomUUID()}@example.com`
}

/** Payload of a token; empty for anything else. */
export function payloadOf(token: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString() || '{}')
}
