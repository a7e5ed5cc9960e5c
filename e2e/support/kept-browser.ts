import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Browser, type BrowserContext, type LaunchOptions, type Page, chromium, expect } from '@playwright/test'

/**
 * A browser whose profile outlives it. Playwright only connects to it and changes nothing in it: pages can be hidden
 * and frozen, and it can be killed.
 */
export interface KeptBrowser {
  readonly context: BrowserContext
  /** The tab that it started with. */
  readonly page: Page
  /** Ends all its processes at once, as a crash or an empty battery does. */
  kill(): Promise<void>
  /** Ends it as a person does. */
  close(): Promise<void>
}

const FLAGS = [
  '--headless',
  '--remote-debugging-port=0',
  '--no-first-run',
  '--no-default-browser-check',
  '--password-store=basic',
  '--use-mock-keychain',
  '--disable-gpu',
  '--hide-crash-restore-bubble',
]

/** Starts a browser on a profile folder. */
export async function launchKept(
  profile: string,
  { executablePath = chromium.executablePath(), args = [] }: LaunchOptions,
): Promise<KeptBrowser> {
  // A process group of its own, so that all of it can be killed at once.
  const leader = spawn(executablePath, [...FLAGS, ...args, `--user-data-dir=${profile}`, 'about:blank'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(leader, 'exit')
  const browser = await connect(leader).catch((error: unknown) => {
    leader.kill('SIGKILL')
    throw error
  })
  const context = browser.contexts()[0]!
  return {
    context,
    page: context.pages()[0] ?? (await context.newPage()),
    async kill() {
      process.kill(-leader.pid!, 'SIGKILL')
      await ended
      await expect.poll(() => isGroupAlive(leader.pid!)).toBe(false)
    },
    async close() {
      if (leader.exitCode !== null || leader.signalCode !== null) return
      const session = await browser.newBrowserCDPSession()
      // It may be gone before it has answered.
      await session.send('Browser.close').catch(() => {})
      await ended
    },
  }
}

async function connect(leader: ChildProcess): Promise<Browser> {
  return chromium.connectOverCDP(await endpointOf(leader), { noDefaults: true })
}

/** The browser says where it listens; afterwards what it says is of no interest. */
async function endpointOf({ stderr }: ChildProcess): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface({ input: stderr! })) {
    const [, endpoint] = /^DevTools listening on (ws:.*)$/.exec(line) ?? []
    said.push(line)
    if (!endpoint) continue
    stderr!.resume()
    return endpoint
  }
  throw new Error(`The browser ended before it listened:\n${said.join('\n')}`)
}

/** A killed process stays in the table until its parent asks for it, and holds nothing any more. */
function isGroupAlive(group: number): boolean {
  if (!existsSync('/proc/self/stat')) return isKnown(group)
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isAliveMember(name, group))
}

function isAliveMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(itsGroup) === group && state !== 'Z' && state !== 'X'
  } catch {
    return false
  }
}

function isKnown(group: number): boolean {
  try {
    process.kill(-group, 0)
    return true
  } catch {
    return false
  }
}

/**
 * Does to a tab what the browser does to one that was hidden for long: its script stands still. Like the browser,
 * it lets a tab end its transactions first: others would wait for them.
 */
export async function freeze(page: Page): Promise<void> {
  do {
    await wake(page)
    await page.waitForFunction(() => !account.openTransactions(), undefined, { polling: 50 })
    await setLifecycle(page, 'frozen')
  } while (await page.evaluate(() => account.openTransactions()))
  expect(await page.evaluate(() => document.visibilityState)).toBe('hidden')
}

/** Lets a frozen tab go on. */
export function wake(page: Page): Promise<void> {
  return setLifecycle(page, 'active')
}

async function setLifecycle(page: Page, state: 'frozen' | 'active'): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.setWebLifecycleState', { state })
  await session.detach()
}
