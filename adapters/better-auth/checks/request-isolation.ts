import type { AuthContext } from 'better-auth'
import { LatchkeyError } from '../../../lib/server.ts'

/** What Better Auth keeps the current request and its transaction in: Node's class, or its own fallback. */
interface ContextStorage {
  run(store: object, work: () => unknown): unknown
  getStore(): unknown
}

type StorageClass = new () => ContextStorage

/** Every copy of Better Auth in a process keeps its storages there, from the first request on. */
const GLOBAL: unique symbol = Symbol.for('better-auth:global')

/** By the class. */
const known = new WeakMap<StorageClass, boolean>()

/**
 * Ensures that Better Auth keeps the contexts of concurrent requests apart. Where a bundler chose its fallback for
 * runtimes without `AsyncLocalStorage`, they are in one variable: a request would continue with the transaction and the
 * OAuth state of another one.
 *
 * @throws {LatchkeyError} `RUNTIME_UNSUITABLE`; the log says so, once
 */
export function checkRequestIsolation({ logger }: Pick<AuthContext, 'logger'>): void {
  const found = (globalThis as { [GLOBAL]?: { readonly context?: object } })[GLOBAL]?.context ?? {}
  for (const storage of Object.values(found)) {
    const Storage = (storage as ContextStorage).constructor as StorageClass
    const isApart = known.get(Storage)
    if (isApart ?? isolates(Storage)) known.set(Storage, true)
    else {
      if (isApart === undefined)
        logger.error(
          'Latchkey is off: Better Auth has no AsyncLocalStorage here and mixes up requests that run at the same ' +
            'time. Let the bundler set the condition `workerd` or `node`, or define globalThis.AsyncLocalStorage.',
        )
      known.set(Storage, false)
      throw new LatchkeyError('RUNTIME_UNSUITABLE')
    }
  }
}

/** A store that is seen outside what runs with it would be seen by every other request too. */
function isolates(Storage: StorageClass): boolean {
  // An own instance: Better Auth's fallback does not recover from calls that overlap.
  const storage = new Storage()
  let end = (): void => {}
  storage.run({}, () => new Promise<void>((resolve) => (end = resolve)))
  const isApart = storage.getStore() === undefined
  end()
  return isApart
}
