import type { Browser, BrowserContext, BrowserContextOptions, Page } from '@playwright/test'
import type { AuthState, DevtoolsRecord } from '../../lib/index.ts'

/** A browser with nothing in it: one person's device, with its own storage, cookies, network and clock. */
export interface Device {
  readonly context: BrowserContext
  /** The page opened first. */
  readonly page: Page
  /** Opens another tab of the same device. */
  newTab(url?: string): Promise<Page>
  /** Cuts the network of the whole device. An open WebSocket stays open. */
  goOffline(): Promise<void>
  /** Gives the network back. */
  goOnline(): Promise<void>
  /** Moves the clock of the device's pages, so that timers in between fire. Workers keep the real one. */
  passTime(milliseconds: number): Promise<void>
  /** The state of `createAuth` in a page, by its `name` where there are several. */
  state(options?: StateOptions): Promise<AuthState>
  /** The principal in force; null when anonymous. */
  principal(options?: StateOptions): Promise<string | null>
  /** Waits until the state fits. Every given field must be equal. */
  waitForState(
    expected: Partial<Pick<AuthState, 'authMode' | 'phase' | 'error'>>,
    options?: StateOptions,
  ): Promise<AuthState>
  /** What the state machine did in a page since it was loaded. */
  events(options?: StateOptions): Promise<DevtoolsRecord[]>
  /** Closes the browser context and forgets everything in it. */
  close(): Promise<void>
}

/** How a device is made: everything that Playwright's `newContext` takes, and what follows. */
export interface DeviceOptions extends BrowserContextOptions {
  /**
   * How far the clock of the device's pages is ahead of this machine's, in milliseconds; negative where it is behind.
   */
  readonly clockOffset?: number
}

/** Which `createAuth` is meant. */
export interface StateOptions {
  /** A tab of the device; the first one unless told. */
  readonly page?: Page
  /** The `name` option of `createAuth`; `latchkey` unless told. */
  readonly name?: string
}

interface Observed {
  readonly instances: Map<string, { getState(): AuthState }>
  readonly records: Map<string, DevtoolsRecord[]>
}

/** Not by animation frames: a tab in the background has next to none. Milliseconds. */
const POLLING = { polling: 50 }

/** Makes a device: a browser context in which every page tells what its `createAuth` does. */
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

// The functions below run inside the page: each is sent there as text and can use nothing from outside itself.

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
