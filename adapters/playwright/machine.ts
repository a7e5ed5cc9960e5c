import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from '@playwright/test'
import { LatchkeyError } from '../../lib/index.ts'
import { openSession } from './chromium-session.ts'

/** What a device runs on: a context of the shared browser, or a browser of its own. */
export interface Machine {
  readonly context: BrowserContext
  /** The first page. */
  readonly page: Page
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

/** Opens a context of a browser that others use, too. */
export async function shareBrowser(
  browser: Browser,
  options: BrowserContextOptions,
  equip: (context: BrowserContext) => Promise<void>,
): Promise<Machine> {
  const context = await browser.newContext(options)
  await equip(context)
  const page = await context.newPage()
  const refuse = async (act: string): Promise<never> => {
    throw new LatchkeyError('TEST_BROWSER_UNSUPPORTED', `${act} needs a device with ownBrowser: true`)
  }
  return {
    context,
    page,
    kill: () => refuse('kill()'),
    restart: () => refuse('restart()'),
    close: () => context.close(),
  }
}

/** Starts a browser whose storage outlives it. */
export async function startBrowser(
  browser: Browser,
  options: BrowserContextOptions,
  equip: (context: BrowserContext) => Promise<void>,
): Promise<Machine> {
  const profile = mkdtempSync(join(tmpdir(), 'latchkey-device-'))
  let running = await launch()

  async function launch(): Promise<{ context: BrowserContext; page: Page; ended: Promise<unknown> }> {
    const context = await browser.browserType().launchPersistentContext(profile, options)
    const ended = new Promise((resolve) => context.once('close', resolve))
    await equip(context)
    return { context, page: context.pages()[0] ?? (await context.newPage()), ended }
  }

  return {
    get context() {
      return running.context
    },
    get page() {
      return running.page
    },
    async kill() {
      const { page, ended } = running
      const session = await openSession(page, 'kill()')
      // The browser cannot answer any more.
      void session.send('Browser.crash').catch(() => {})
      await ended
    },
    async restart() {
      await running.context.close()
      running = await launch()
    },
    async close() {
      await running.context.close()
      rmSync(profile, { recursive: true, maxRetries: 5 })
    },
  }
}
