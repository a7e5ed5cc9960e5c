import { expect, vi } from 'vitest'
import type { Auth, AuthOptions } from '../../../lib/index.ts'
import type { TestBrowser } from './server.testing.ts'

const SOON = { timeout: 30_000, interval: 1 }

/** Loads the page, and waits until it has asked the account server who is signed in there. */
export async function load(browser: TestBrowser, options?: AuthOptions): Promise<Auth> {
  const asked = browser.requests.length
  const auth = await browser.load(options)
  await vi.waitFor(
    () => expect(browser.requests.slice(asked).some(({ url }) => url.includes('/latchkey/session'))).toBe(true),
    SOON,
  )
  return auth
}

/** Waits until the page shows this. */
export function settled(auth: Auth, expected: object): Promise<void> {
  return vi.waitFor(() => expect(auth.getState()).toMatchObject(expected), SOON)
}
