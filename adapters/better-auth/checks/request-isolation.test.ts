import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkRequestIsolation } from './request-isolation.ts'

/** One variable for everybody, as Better Auth's fallback. */
class OneVariable {
  #store: unknown

  run(store: unknown, work: () => unknown): unknown {
    this.#store = store
    const result = work()
    if (!(result instanceof Promise)) this.#store = undefined
    return result
  }

  getStore(): unknown {
    return this.#store
  }
}

const GLOBAL = Symbol.for('better-auth:global')
const global = globalThis as { [GLOBAL]?: unknown }
const error = vi.fn()
const check = (): void => checkRequestIsolation({ logger: { error } } as never)

let before: unknown

beforeEach(() => {
  before = global[GLOBAL]
  error.mockClear()
})

afterEach(() => {
  if (before === undefined) delete global[GLOBAL]
  else global[GLOBAL] = before
})

test('a Better Auth that keeps its requests in one variable is refused each time, and the log says so once', () => {
  global[GLOBAL] = { context: { request: new AsyncLocalStorage(), transaction: new OneVariable() } }
  for (const _ of ['first', 'second'])
    expect(check).toThrowError(expect.objectContaining({ code: 'RUNTIME_UNSUITABLE' }))
  expect(error).toHaveBeenCalledOnce()
  expect(error).toHaveBeenCalledWith(expect.stringContaining('AsyncLocalStorage'))
})

test('one that keeps them apart is used, and so is one that has no storage yet', () => {
  global[GLOBAL] = { context: { request: new AsyncLocalStorage() } }
  check()
  global[GLOBAL] = {}
  check()
  delete global[GLOBAL]
  check()
  expect(error).not.toHaveBeenCalled()
})
