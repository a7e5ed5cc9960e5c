import type { Browser, BrowserContext, BrowserContextOptions, Page } from '@playwright/test'
import type { AuthState, DevtoolsRecord } from '../../lib/index.ts'

/** A new browser context: the device of one user, with its own storage, cookies, network and clock. */
export interface Device {
  readonly context: BrowserContext
  /** The first page. */
  readonly page: Page
  /** Opens another tab of the same device. */
  newTab(url?: string): Promise<Page>
  /** Disconnects the whole device from the network. An open WebSocket stays open. */
  goOffline(): Promise<void>
  /** Reconnects the network. */
  goOnline(): Promise<void>
  /** Advances the clock of the device's pages and fires the timers in between. Workers keep the real clock. */
  passTime(milliseconds: number): Promise<void>
  /** Returns the state of `createAuth` in a page; selected by its `name` if there are several. */
  state(options?: StateOptions): Promise<AuthState>
  /** Returns the current principal; null if anonymous. */
  principal(options?: StateOptions): Promise<string | null>
  /** Waits until the state matches. Every given field must be equal. */
  waitForState(
    expected: Partial<Pick<AuthState, 'authMode' | 'phase' | 'error'>>,
    options?: StateOptions,
  ): Promise<AuthState>
  /** Returns the events of the state machine in a page since it was loaded. */
  events(options?: StateOptions): Promise<DevtoolsRecord[]>
  /** Closes the browser context and deletes its data. */
  close(): Promise<void>
}

/** Options of a device: those of Playwright's `newContext`, and the following. */
export interface DeviceOptions extends BrowserContextOptions {
  /** How far the clock of the device's pages is ahead of this machine's, in milliseconds; negative if it is behind. */
  readonly clockOffset?: number
}

/** Selects a `createAuth` instance. */
export interface StateOptions {
  /** A tab of the device. Defaults to the first one. */
  readonly page?: Page
  /** The `name` option of `createAuth`. Defaults to `latchkey`. */
  readonly name?: string
}

interface Observed {
  readonly instances: Map<string, { getState(): AuthState }>
  readonly records: Map<string, DevtoolsRecord[]>
}

/** In milliseconds. Not by animation frames: a background tab has almost none. */
const POLLING = { polling: 50 }

/** Creates a device: a browser context whose pages record what `createAuth` does. */
export async function createDevice(
  browser: Browser,
  { clockOffset = 0, ...options }: DeviceOptions = {},
): Promise<Device> {
  const context = await browser.newContext(options)
  await context.addInitScript(installObserver)
  await context.clock.install({ time: Date.now() + clockOffset })
  await context.clock.resume()
  const page = await context.newPage()
  const ask = <Answer>(
    question: (name: string) => Answer,
    { page: asked = page, name = 'latchkey' }: StateOptions = {},
  ): Promise<Answer> => asked.evaluate(question, name) as Promise<Answer>

  const state = async (which?: StateOptions): Promise<AuthState> => {
    await waitForInstance(which?.page ?? page, which?.name)
    return ask(readState, which)
  }

  return {
    context,
    page,
    state,
    async newTab(url) {
      const tab = await context.newPage()
      if (url) await tab.goto(url)
      return tab
    },
    goOffline: () => context.setOffline(true),
    goOnline: () => context.setOffline(false),
    passTime: (milliseconds) => context.clock.fastForward(milliseconds),
    principal: async (which) => (await state(which)).session?.principal ?? null,
    async waitForState(expected, which = {}) {
      const argument = { expected, name: which.name ?? 'latchkey' }
      await (which.page ?? page).waitForFunction(fitsState, argument, POLLING)
      return ask(readState, which)
    },
    events: (which) => ask(readRecords, which),
    close: () => context.close(),
  }
}

async function waitForInstance(page: Page, name = 'latchkey'): Promise<void> {
  await page.waitForFunction(
    (wanted) => (globalThis as { latchkeyObserved?: Observed }).latchkeyObserved?.instances.has(wanted),
    name,
    POLLING,
  )
}

// The functions below run inside the page: each one is serialized and cannot use anything outside itself.

function installObserver(): void {
  const observed: Observed = { instances: new Map(), records: new Map() }
  Object.assign(globalThis, {
    latchkeyObserved: observed,
    [Symbol.for('latchkey.devtools')]: {
      register(instance: { name: string; getState(): AuthState }) {
        const records: DevtoolsRecord[] = []
        observed.instances.set(instance.name, instance)
        observed.records.set(instance.name, records)
        return (record: DevtoolsRecord) => records.push(record)
      },
    },
  })
}

function readState(name: string): AuthState {
  return (globalThis as unknown as { latchkeyObserved: Observed }).latchkeyObserved.instances.get(name)!.getState()
}

function readRecords(name: string): DevtoolsRecord[] {
  return (globalThis as unknown as { latchkeyObserved: Observed }).latchkeyObserved.records.get(name) ?? []
}

function fitsState({ expected, name }: { expected: object; name: string }): boolean {
  const state = (globalThis as { latchkeyObserved?: Observed }).latchkeyObserved?.instances.get(name)?.getState()
  return (
    state !== undefined && Object.entries(expected).every(([field, value]) => state[field as keyof AuthState] === value)
  )
}
