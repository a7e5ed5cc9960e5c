import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from '@playwright/test'
import { type AuthState, type DevtoolsRecord, LatchkeyError } from '../../lib/index.ts'

/** A part of a state. Every given field must be equal, at any depth; undefined means that the field is absent. */
export type ExpectedState = Expected<AuthState>

/** As `Value`, with every member optional, at any depth. Arrays are compared as a whole. Null is what it is. */
export type Expected<Value> = Value extends readonly unknown[] | string | number | boolean | null | undefined
  ? Value
  : { readonly [Name in keyof Value]?: Expected<Value[Name]> | null | undefined }

/** Where to look for a state, and for how long. */
export interface Question {
  readonly page: Page
  /** What the device is called. */
  readonly label: string
  /** The option `name` of `createAuth`. */
  readonly name: string
  /** Milliseconds. */
  readonly timeout: number
}

interface Observed {
  readonly instances: Map<string, { getState(): AuthState }>
  readonly records: Map<string, DevtoolsRecord[]>
}

/** In milliseconds. Not by animation frames: a background tab has almost none. */
const POLLING_MS = 50

/**
 * Waits until the state matches, and returns it. A state from before the end of the start says nothing about the
 * device: it matches only what expects the phase `starting`.
 *
 * @throws {LatchkeyError} `TEST_APP_MISSING`, `TEST_STATE_MISSED`
 */
export async function findState(question: Question, expected: ExpectedState = {}): Promise<AuthState> {
  const end = performance.now() + question.timeout
  const isEarly = expected.phase === 'starting'
  for (;;) {
    const state = await readState(question, isEarly, end)
    if ((isEarly || state.phase !== 'starting') && fits(state, expected)) return state
    if (performance.now() >= end) throw stateMissed(question, expected, state)
    await sleep(POLLING_MS)
  }
}

/** Returns true if everything that is expected is found, at any depth. */
export function fits(found: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(found, expected)
  if (typeof found !== 'object' || found === null || Array.isArray(found) !== Array.isArray(expected)) return false
  if (Array.isArray(expected) && expected.length !== (found as unknown[]).length) return false
  return Object.entries(expected).every(([member, value]) => fits(found[member as never], value))
}

/** Returns a value as JSON, with what must be absent. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (member === undefined ? '(absent)' : member))
}

/** Returns the events since the page was loaded; none without an instance. */
export function readRecords({ page, name }: Question): Promise<DevtoolsRecord[]> {
  return page.evaluate(recordsOf, name)
}

/** Waits for the instance and its start: the page may be loading, and a navigation may destroy what is asked. */
async function readState(question: Question, isEarly: boolean, end: number): Promise<AuthState> {
  const { page, name } = question
  const timeout = Math.max(end - performance.now(), POLLING_MS)
  try {
    const found = await page.waitForFunction(stateOf, { name, isEarly }, { polling: POLLING_MS, timeout })
    return (await found.jsonValue()) as AuthState
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') {
      // A slow page may have it by now; or one that is still starting.
      const { names, state } = await page.evaluate(readSeen, name)
      if (state) return state
      throw appMissing(question, names)
    }
    if (!isNavigation(error) || performance.now() >= end) throw error
    return readState(question, isEarly, end)
  }
}

/** Returns true if a page was left while it was asked. */
export function isNavigation(error: unknown): boolean {
  return /context was destroyed|navigat/i.test((error as Error).message)
}

function appMissing({ page, label, name, timeout }: Question, names: readonly string[]): LatchkeyError {
  const found = names.length ? `the page has ${names.map((one) => `'${one}'`).join(', ')}` : 'the page has none'
  const detail = `no createAuth with the name '${name}' on ${label} at ${page.url()} within ${timeout} ms: ${found}`
  return new LatchkeyError('TEST_APP_MISSING', detail)
}

function stateMissed({ page, label, timeout }: Question, expected: ExpectedState, state: AuthState): LatchkeyError {
  const sought = Object.keys(expected).length === 0 ? 'a state after the start' : show(expected)
  const detail = `expected ${sought} on ${label} at ${page.url()} within ${timeout} ms, found ${show(state)}`
  return new LatchkeyError('TEST_STATE_MISSED', detail)
}

// The functions below run inside the page: each one is serialized and cannot use anything outside itself.

/** Runs before the app: records what every `createAuth` does. */
export function installObserver(): void {
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

function stateOf({ name, isEarly }: { name: string; isEarly: boolean }): AuthState | undefined {
  const state = (globalThis as { latchkeyObserved?: Observed }).latchkeyObserved?.instances.get(name)?.getState()
  return isEarly || state?.phase !== 'starting' ? state : undefined
}

function readSeen(name: string): { names: string[]; state: AuthState | undefined } {
  const { instances } = (globalThis as { latchkeyObserved?: Observed }).latchkeyObserved ?? {}
  return { names: [...(instances?.keys() ?? [])], state: instances?.get(name)?.getState() }
}

function recordsOf(name: string): DevtoolsRecord[] {
  return (globalThis as { latchkeyObserved?: Observed }).latchkeyObserved?.records.get(name) ?? []
}
