import type { Page } from '@playwright/test'
import { type Device, type OpenIdAnswer, type OpenIdProfile, answerOpenId } from 'latchkey/playwright'
import type { RoutesPage } from '../harness/routes.ts'
import type { AccountRow, RoutesServer } from './routes-server.ts'
import { test as base, expect } from './servers.ts'

declare global {
  var routes: RoutesPage
}

interface Fixtures {
  /** A device that has the app open, and has asked the account server who is signed in. */
  readonly openApp: (path?: string) => Promise<Device>
}

/** `test` with an app that has Better Auth with every redirecting route, and an OpenID provider. */
export const test = base.extend<Fixtures>({
  baseURL: async ({ site }, use) => use(site.url),
  openApp: async ({ device, site }, use) =>
    use(async (path = '/') => {
      const made = await device()
      await visit(made.page, site.url + path)
      return made
    }),
})

export { expect }

/** Goes to an address, through whatever redirects, and waits until the page there knows who is signed in. */
export function visit(page: Page, url: string): Promise<void> {
  return arriving(page, () => page.goto(url))
}

/** Does something that leads to a page of the app, and waits until that page knows who is signed in. */
export async function arriving(page: Page, act: () => Promise<unknown>): Promise<void> {
  // With an account the page asks whether its session is still there, without one who is signed in.
  const asked = page.waitForResponse((response) => /\/latchkey\/session(\?peek=1)?$/.test(response.url()))
  await act()
  await asked
  await quiet(page)
}

/** Waits until nothing is going on in any tab: whatever talks to the account server does so under a lock. */
export async function quiet(page: Page): Promise<void> {
  const isQuiet = async (): Promise<boolean> => {
    const { held = [], pending = [] } = await navigator.locks.query()
    return held.length + pending.length === 0
  }
  await page.waitForFunction(isQuiet, undefined, { polling: 50 })
}

/** Upgrades by a route; returns the outcome, or the code of the failure. */
export function enter(page: Page, route: Parameters<RoutesPage['enter']>[0], value?: string): Promise<string> {
  return page.evaluate(([name, given]) => routes.enter(name, given), [route, value] as const)
}

/** Makes something on the server as the current identity, so that it holds something. */
export async function makeItem({ page }: Device): Promise<void> {
  expect(await page.evaluate(() => routes.makeItem())).toBe(200)
}

/** The current identity has the account: here, in the database, and to the app's own server. */
export async function expectUpgraded(
  device: Device,
  site: RoutesServer,
  email: string,
  { principal, items = 1 }: { principal: string | null; items?: number },
): Promise<void> {
  const { session, upgrade } = await device.waitForState({ authMode: 'external', phase: 'ready' })
  expect([session?.principal, upgrade]).toEqual([principal, undefined])
  const account = site.account(email)!
  expect(account).toMatchObject({ principal, principalOpen: 0 })
  expect(site.rows('SELECT kind, userId FROM latchkeyPrincipal WHERE principal = ?', principal!)).toEqual([
    { kind: 'canonical', userId: account.id },
  ])
  expect(await device.page.evaluate(() => routes.ownItems())).toEqual({ principal, items })
}

/** The device is who it was, without an account, and the server took nothing of it. */
export async function expectUnchanged(
  device: Device,
  site: RoutesServer,
  { principal, phase, items = 1 }: { principal: string | null; phase: 'ready' | 'pending'; items?: number },
): Promise<void> {
  await device.waitForState({ authMode: 'local-first', phase, session: { principal } })
  expect(
    site.rows('SELECT kind FROM latchkeyPrincipal WHERE principal = ? AND userId IS NOT NULL', principal!),
  ).toEqual([])
  expect(await device.page.evaluate(() => routes.ownItems())).toEqual({ principal, items })
}

/** How many users have an address. */
export function countUsers(site: RoutesServer, email: string): number {
  return site.rows<AccountRow>('SELECT id FROM user WHERE email = ?', email).length
}

/** Starts the sign-in, and waits until the provider asks. */
export async function leaveFor(page: Page, provider: string): Promise<void> {
  const asked = page.waitForURL('**/oauth/authorize*')
  await page.evaluate((name) => void routes.enter('leaveFor', name), provider)
  await asked
}

/** Answers the provider's question, and waits until the app knows what came of it. */
export function answer(page: Page, choice: OpenIdAnswer, profile?: OpenIdProfile): Promise<void> {
  return arriving(page, () => answerOpenId(page, choice, profile))
}

/** The app's own page for a link that was sent. */
export function ownLink(site: RoutesServer, email: string): string {
  return `${site.url}/link?token=${site.mailTo(email).token}`
}

export function ownVerification(site: RoutesServer, email: string): string {
  return `${site.url}/verify?token=${site.mailTo(email).token}`
}

export function arrived(page: Page): Promise<string | null> {
  return page.evaluate(() => routes.arrived)
}
