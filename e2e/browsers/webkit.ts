import { fileURLToPath } from 'node:url'
import { setInterval } from 'node:timers/promises'
import { Builder, type WebDriver } from 'selenium-webdriver'
import { startOnPort } from '../tools/servers/on-port.mjs'
import type { Browser, LaunchOptions, Page } from './browser.ts'
import { startChild } from './child.ts'
import type { Programs } from './programs.ts'

const BROWSER = fileURLToPath(new URL('webkit-browser.js', import.meta.url))

/** How long WebDriver waits for a page or a script: so long that only what hangs is ended, in milliseconds. */
const TIMEOUT_MS = 300_000

/** Starts WebKitGTK on a screen of its own, and a driver for it. */
export function launchWebKit(programs: Programs, options: LaunchOptions): Promise<Browser> {
  return startOnPort((port) => launchOn(port, programs, options))
}

/** @param port - of the driver; the inspector has the next one */
async function launchOn(port: number, programs: Programs, { profile, storage }: LaunchOptions): Promise<Browser> {
  const inspector = `127.0.0.1:${port + 1}`
  const url = `http://127.0.0.1:${port}`
  const screen = startChild(programs['screen']!, ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'])
  const environment = {
    DISPLAY: `:${await screen.prints(/^(\d+)$/m)}`,
    GDK_BACKEND: 'x11',
    WEBKIT_INSPECTOR_SERVER: inspector,
  }
  const browser = startChild(programs['interpreter']!, ['-m', BROWSER, profile, storage], environment)
  await browser.prints(/ready/)
  const service = startChild(programs['driver']!, ['--host=127.0.0.1', `--port=${port}`, `--target=${inspector}`])
  const finish = async (signal?: NodeJS.Signals): Promise<void> => {
    await browser.end(signal)
    await Promise.all([service.end(), screen.end()])
  }
  const driver = await browser.during(service.during(connect(url))).catch(async (error: unknown) => {
    await finish('SIGKILL')
    throw error
  })
  const capabilities = await driver.getCapabilities()
  return {
    version: `${capabilities.getBrowserName()} ${capabilities.getBrowserVersion()}`,
    newPage: createWindows(driver, await driver.getWindowHandle()),
    close: () => finish(),
    kill: () => finish('SIGKILL'),
  }
}

async function connect(url: string): Promise<WebDriver> {
  await isServing(url)
  const driver = await new Builder().usingServer(url).withCapabilities({ browserName: 'WebKitGTK' }).build()
  await driver.manage().setTimeouts({ pageLoad: TIMEOUT_MS, script: TIMEOUT_MS })
  return driver
}

/** The driver says nothing when it is ready: it has to be asked. */
async function isServing(url: string): Promise<void> {
  const ask = (): Promise<boolean> =>
    fetch(`${url}/status`).then(
      ({ ok }) => ok,
      () => false,
    )
  for await (const _ of setInterval(20)) if (await ask()) return
}

/** WebDriver looks at one window at a time: every command first goes to its own. */
function createWindows(driver: WebDriver, home: string): Browser['newPage'] {
  let last: Promise<unknown> = Promise.resolve()

  function inWindow<Answer>(handle: string, work: () => Promise<Answer>): Promise<Answer> {
    const next = last.then(async () => {
      await driver.switchTo().window(handle)
      return work()
    })
    last = next.catch(() => {})
    return next
  }

  function pageOf(handle: string): Page {
    return {
      visit: (url) => inWindow(handle, () => driver.get(url)),
      evaluate: (work, argument) => inWindow(handle, () => evaluate(driver, String(work), argument)),
      close: () => inWindow(handle, () => driver.close()),
    }
  }

  return async (url) => {
    const handle = await inWindow(home, async () => {
      await driver.switchTo().newWindow('window')
      return driver.getWindowHandle()
    })
    const page = pageOf(handle)
    await page.visit(url)
    return page
  }
}

async function evaluate<Answer>(driver: WebDriver, work: string, argument: unknown): Promise<Answer> {
  const script = `Promise.resolve(arguments[0]).then(${work}).then((answer) => arguments[1]({ answer }), (error) => arguments[1]({ error: String(error) }))`
  const { answer, error } = await driver.executeAsyncScript<{ answer: Answer; error?: string }>(script, argument)
  if (error !== undefined) throw new Error(error)
  return answer
}
