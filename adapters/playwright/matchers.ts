import { setTimeout as sleep } from 'node:timers/promises'
import { type Expect, expect as base } from '@playwright/test'
import type { AuthMode, AuthState } from '../../lib/index.ts'
import type { Device, StateOptions } from './device.ts'
import { hasText } from './find-text.ts'
import { type ExpectedState, fits, isNavigation, show } from './observer.ts'

/** What a matcher returns. */
export interface Verdict {
  readonly pass: boolean
  /** Returns what was expected, and what was found. */
  readonly message: () => string
}

/** The part of Playwright's matcher state that these matchers use. */
export interface MatcherState {
  readonly isNot: boolean
  readonly timeout?: number
}

/** The matchers for devices. Each waits until it is met, for as long as the timeout of `expect`. */
// A type, not an interface: `expect.extend` takes a record of functions.
export type LatchkeyMatchers = {
  /** The device is `anonymous`, `local-first` or `external` (signed in). */
  toBeInMode(this: MatcherState, device: Device, mode: AuthMode, options?: StateOptions): Promise<Verdict>
  /** The device's current principal. Null: it is anonymous. */
  toHavePrincipal(
    this: MatcherState,
    device: Device,
    principal: string | null,
    options?: StateOptions,
  ): Promise<Verdict>
  /** The state matches, as for `waitForState`. */
  toHaveState(this: MatcherState, device: Device, expected: ExpectedState, options?: StateOptions): Promise<Verdict>
  /**
   * Nothing that is stored for the app's origin (IndexedDB, `localStorage`, `sessionStorage`, caches, the origin
   * private file system, cookies of any path) has any of these texts: a principal, a secret, an e-mail address, a
   * title. They are also found in JSON, in URLs and in base64, so in tokens; not in what is compressed or encrypted.
   */
  toHoldNothingOf(this: MatcherState, device: Device, ...texts: string[]): Promise<Verdict>
}

interface Finding {
  readonly pass: boolean
  /** What was found, for the message. */
  readonly received: string
}

/** Of Playwright's `expect`. */
const DEFAULT_TIMEOUT_MS = 5000
const POLLING_MS = 50

/** Playwright's `expect`, with matchers for devices. */
export const expect: Expect<LatchkeyMatchers> = base.extend<LatchkeyMatchers>({
  toBeInMode(device, mode, options) {
    return untilState(this, 'toBeInMode', device, options, show(mode), ({ authMode, phase, upgrade }) => ({
      pass: authMode === mode,
      received: show({ authMode, phase, upgrade }),
    }))
  },
  toHavePrincipal(device, principal, options) {
    return untilState(this, 'toHavePrincipal', device, options, show(principal), ({ session }) => ({
      pass: (session?.principal ?? null) === principal,
      received: show(session?.principal ?? null),
    }))
  },
  toHaveState(device, expected, options) {
    const judge = (state: AuthState): Finding => ({ pass: fits(state, expected), received: show(state) })
    // Any other state is one from after the start.
    const sought = expected.phase === 'starting' && !this.isNot ? expected : {}
    return untilState(this, 'toHaveState', device, options, show(expected), judge, sought)
  },
  toHoldNothingOf(device, ...texts) {
    assertDevice(device, 'toHoldNothingOf')
    if (texts.length === 0 || texts.some((text) => typeof text !== 'string' || text === ''))
      throw new TypeError('toHoldNothingOf needs the texts to search for: a principal, a secret, a title')
    return until(this, 'toHoldNothingOf', `nothing of ${show(texts)}`, async () => {
      const stored = await device.stored().catch(unlessNavigating)
      if (!stored) return { pass: this.isNot, received: 'a page that is being left' }
      const places = stored.filter(({ text }) => texts.some((wanted) => hasText(text, wanted)))
      return { pass: places.length === 0, received: places.map(({ place }) => place).join('; ') || 'nothing' }
    })
  },
})

function untilState(
  matcher: MatcherState,
  name: string,
  device: Device,
  options: StateOptions | undefined,
  expected: string,
  judge: (state: AuthState) => Finding,
  sought: ExpectedState = {},
): Promise<Verdict> {
  assertDevice(device, name)
  const timeout = options?.timeout ?? matcher.timeout ?? DEFAULT_TIMEOUT_MS
  const within = { ...matcher, isNot: matcher.isNot, timeout }
  return until(within, name, expected, async () => judge(await device.waitForState(sought, { ...options, timeout })))
}

/** Asks until the matcher is met, or, with `not`, until it is not. */
async function until(
  { isNot, timeout = DEFAULT_TIMEOUT_MS }: MatcherState,
  name: string,
  expected: string,
  find: () => Promise<Finding>,
): Promise<Verdict> {
  const end = performance.now() + timeout
  let found = await find()
  while (found.pass === isNot && performance.now() < end) {
    await sleep(POLLING_MS)
    found = await find()
  }
  const { pass, received } = found
  const call = `expect(device)${isNot ? '.not' : ''}.${name}(…)`
  return { pass, message: () => `${call}\n\nExpected: ${isNot ? 'not ' : ''}${expected}\nReceived: ${received}` }
}

function unlessNavigating(error: unknown): undefined {
  if (!isNavigation(error)) throw error
}

function assertDevice(value: Device, name: string): void {
  if (typeof (value as Device | undefined)?.waitForState !== 'function')
    throw new TypeError(`${name} needs a device of latchkey/playwright, as in expect(await device()).${name}(…)`)
}
