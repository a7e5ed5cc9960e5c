import type { Browser, BrowserContext, Page } from '@playwright/test'
import type { AuthState, DevtoolsRecord } from '../../lib/index.ts'
import {
  type AnswerOptions,
  type HeldAnswer,
  type LostAnswer,
  type Network,
  holdAnswer,
  loseAnswer,
} from './answers.ts'
import { type Authenticator, type AuthenticatorOptions, addAuthenticator } from './authenticator.ts'
import { type DeviceOptions, readOptions } from './device-options.ts'
import { type EvictOptions, evict } from './evict.ts'
import { shareBrowser, startBrowser } from './machine.ts'
import { type ExpectedState, type Question, findState, installObserver, readRecords } from './observer.ts'
import { prepare } from './prepared-record.ts'
import { type StoredText, readStored } from './stored-data.ts'
import { createWorkerClock } from './worker-clock.ts'

/**
 * The device of one user: a new browser context with its own storage, cookies, network and clock. Every wait for
 * a state ends with an error that says what was found instead.
 */
export interface Device {
  /** The browser context; another one after `restart()`. */
  readonly context: BrowserContext
  /** The first page; another one after `restart()`. */
  readonly page: Page
  /** Opens another tab of the same device. */
  newTab(url?: string): Promise<Page>
  /** Disconnects the whole device from the network. An open WebSocket stays open. */
  goOffline(): Promise<void>
  /** Reconnects the network. */
  goOnline(): Promise<void>
  /**
   * Advances the device's clock and fires the timers in between, each at most once: in its pages, and in the workers of
   * the option `workers`. Other workers keep the real clock.
   */
  passTime(milliseconds: number): Promise<void>
  /**
   * Returns the state of `createAuth` in a page, once its start has ended; selected by its `name` if there are several.
   *
   * @throws {LatchkeyError} `TEST_APP_MISSING`: no such instance in the page; `TEST_STATE_MISSED`: it is still starting
   */
  state(options?: StateOptions): Promise<AuthState>
  /**
   * Returns the current principal, once the start has ended; null if anonymous.
   *
   * @throws {LatchkeyError} `TEST_APP_MISSING`, `TEST_STATE_MISSED`
   */
  principal(options?: StateOptions): Promise<string | null>
  /**
   * Waits until the state matches, and returns it. Every given field must be equal, at any depth, as in `{ storage: {
   * problem: 'KEYSTORE_VANISHED' } }`; undefined means that a field is absent. The state of a start that has not ended
   * matches only if `phase: 'starting'` is expected.
   *
   * @throws {LatchkeyError} `TEST_STATE_MISSED`: with the state that was found instead; `TEST_APP_MISSING`
   */
  waitForState(expected: ExpectedState, options?: StateOptions): Promise<AuthState>
  /** Returns the events of the state machine in a page since it was loaded. */
  events(options?: StateOptions): Promise<DevtoolsRecord[]>
  /**
   * Loses the response to the next matching request: the server has acted, and the page gets a network error and no
   * cookie. Requests that a service worker makes or answers do not count.
   *
   * @param url - as for `page.route`: a glob pattern or a regular expression
   */
  loseAnswer(url: string | RegExp, options?: AnswerOptions): Promise<LostAnswer>
  /**
   * Keeps back the response to the next matching request until `release()`. As for `loseAnswer`, the server has acted.
   */
  holdAnswer(url: string | RegExp, options?: AnswerOptions): Promise<HeldAnswer>
  /**
   * Deletes stored data, as a browser does that runs out of space or a user who clears it. Pages that are open find out
   * at their next access; a reload is the next start. Needs `baseURL` or an open page of the app.
   */
  evict(options?: EvictOptions): Promise<void>
  /** Returns everything that is stored for the app's origin, as text: what `toHoldNothingOf` searches. */
  stored(): Promise<readonly StoredText[]>
  /**
   * Adds a virtual authenticator for passkeys, with PRF by default, to one tab.
   *
   * @throws {LatchkeyError} `TEST_BROWSER_UNSUPPORTED`: the browser is no Chromium
   */
  addAuthenticator(options?: AuthenticatorOptions): Promise<Authenticator>
  /**
   * Ends the browser at once, as a crash or an empty battery does. `restart()` starts it again on what it stored.
   *
   * @throws {LatchkeyError} `TEST_BROWSER_UNSUPPORTED`: the device has no browser of its own (`ownBrowser: true`), or
   *   it is no Chromium
   */
  kill(): Promise<void>
  /**
   * Closes the browser if it runs, and starts it on what it stored, with new `context` and `page`. The network is there
   * again.
   *
   * @throws {LatchkeyError} `TEST_BROWSER_UNSUPPORTED`: the device has no browser of its own (`ownBrowser: true`)
   */
  restart(): Promise<void>
  /** Closes the browser context and deletes its data. */
  close(): Promise<void>
}

/** Selects a `createAuth` instance. */
export interface StateOptions {
  /** A tab of the device. Defaults to the first one. */
  readonly page?: Page
  /** The `name` option of `createAuth`. Defaults to that of the device. */
  readonly name?: string
  /** Milliseconds. Defaults to that of the device. */
  readonly timeout?: number
}

/**
 * Creates a device without the fixtures. Close it when it is done.
 *
 * @throws {TypeError} an option is invalid
 * @throws {LatchkeyError} `SECRET_INVALID`; `TEST_SETUP_REFUSED`: the account server refused the account
 */
export async function createDevice(browser: Browser, options: DeviceOptions = {}): Promise<Device> {
  const { context: contextOptions, ...settings } = readOptions(options)
  const workerClock = createWorkerClock(settings.workers)
  let clockOffset = settings.clockOffset
  let isOffline = false
  const setOffline = async (isNow: boolean): Promise<void> => {
    isOffline = isNow
    await machine.context.setOffline(isNow)
  }
  const equip = async (context: BrowserContext): Promise<void> => {
    await context.addInitScript(installObserver)
    await context.clock.install({ time: Date.now() + clockOffset })
    await context.clock.resume()
    await workerClock.install(context, { offset: () => clockOffset, isOffline: () => isOffline })
  }
  const machine = await (settings.ownBrowser ? startBrowser : shareBrowser)(browser, contextOptions, equip)
  if (settings.secret !== undefined || settings.account || settings.conflictWith)
    await prepare(machine.context, { ...settings, origin: originOf(contextOptions.baseURL) }).catch(async (error) => {
      await machine.close()
      throw error
    })

  const ask = (given?: StateOptions): Question => {
    const { label, name, timeout } = settings
    return { page: machine.page, label, name, timeout, ...given }
  }
  const network = (): Network => ({ context: machine.context, isOffline: () => isOffline })
  const origin = (): string => originOf(contextOptions.baseURL ?? machine.page.url())

  return {
    get context() {
      return machine.context
    },
    get page() {
      return machine.page
    },
    async newTab(url) {
      const tab = await machine.context.newPage()
      if (url) await tab.goto(url)
      return tab
    },
    goOffline: () => setOffline(true),
    goOnline: () => setOffline(false),
    async passTime(milliseconds) {
      clockOffset += milliseconds
      await workerClock.pass(machine.context, milliseconds)
      await machine.context.clock.fastForward(milliseconds)
    },
    state: (which) => findState(ask(which)),
    principal: async (which) => (await findState(ask(which))).session?.principal ?? null,
    waitForState: (expected, which) => findState(ask(which), expected),
    events: (which) => readRecords(ask(which)),
    loseAnswer: (url, choice) => loseAnswer(network(), url, choice),
    holdAnswer: (url, choice) => holdAnswer(network(), url, choice),
    evict: ({ what = 'identity', name = settings.name } = {}) => evict(machine.context, origin(), { what, name }),
    stored: () => readStored(machine.context, origin()),
    addAuthenticator: ({ page = machine.page, ...authenticator } = {}) => addAuthenticator(page, authenticator),
    kill: () => machine.kill(),
    async restart() {
      isOffline = false
      await machine.restart()
    },
    close: () => machine.close(),
  }
}

function originOf(url = ''): string {
  if (URL.canParse(url) && new URL(url).origin !== 'null') return new URL(url).origin
  throw new TypeError(`the app's origin is unknown: pass baseURL, or open a page of the app`)
}
