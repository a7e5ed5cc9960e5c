import type { CDPSession, Page } from '@playwright/test'
import { LatchkeyError } from '../../lib/index.ts'

/**
 * Opens a session of the Chrome DevTools Protocol.
 *
 * @param what - needs it: the beginning of a sentence
 * @throws {LatchkeyError} `TEST_BROWSER_UNSUPPORTED`: the browser is no Chromium
 */
export async function openSession(page: Page, what: string): Promise<CDPSession> {
  try {
    return await page.context().newCDPSession(page)
  } catch (error) {
    throw new LatchkeyError('TEST_BROWSER_UNSUPPORTED', `${what} needs Chromium`, error)
  }
}
