import { promisifyRequest } from 'idb-keyval'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { withTimeout } from '../timeout.ts'
import type { RecordStore } from './store.ts'

const STORE = 'keyring'
const KEY = 'record'

/** Time limit for IndexedDB. */
const TIMEOUT_MS = 4000

/**
 * Creates the store of a browser: one IndexedDB database for each `name`.
 *
 * idb-keyval's own store keeps a connection that blocks deletion by another tab and then hangs, and would be in every
 * bundle even if unused. This store opens its own connection, closes it on request and reopens it.
 *
 * @param name - separates several apps on one origin
 */
export function indexedDbStore(name: string): RecordStore {
  const database = `latchkey:${name}`
  let opening: Promise<IDBDatabase> | undefined

  function close(): void {
    opening?.then((db) => db.close()).catch(() => {})
    opening = undefined
  }

  /** Performs one transaction: no other code reads or writes between its two requests. */
  async function run<Value>(mode: IDBTransactionMode, updater: (found: unknown) => Value): Promise<Value> {
    let transaction: IDBTransaction | undefined
    let isLate = false

    /**
     * A connection can be dead without an event (Clear-Site-Data, a crashed storage process), and Clear-Site-Data
     * closes the next one too. A transaction that failed is not written, so it is retried.
     */
    async function attempt(left: number): Promise<Value> {
      try {
        const db = await (opening ??= openDatabase(database, close))
        // Writes are rare, and a lost one would lose an identity: wait until it is on disk.
        transaction = db.transaction(STORE, mode, { durability: 'strict' })
        if (isLate) transaction.abort()
        const store = transaction.objectStore(STORE)
        const found: unknown = await promisifyRequest(store.get(KEY))
        const next = updater(found)
        if (next !== found) await promisifyRequest(store.put(next, KEY))
        // One that wrote nothing holds the store too: a tab that is frozen before its end would block the others.
        await promisifyRequest(transaction)
        return next
      } catch (error) {
        // The next attempt, or the next call, opens a new connection.
        close()
        if (left && isLost(error)) return attempt(left - 1)
        throw toFailure(error)
      }
    }

    return withTimeout(attempt(2), TIMEOUT_MS, () => {
      // Aborts what is still open at the time limit, so that a write that was reported as failed does not happen.
      isLate = true
      // One that is being written to disk cannot be aborted: it may happen despite the error.
      attempted(() => transaction?.abort())
      close()
      throw new LatchkeyError('KEYSTORE_TIMEOUT')
    })
  }

  return {
    durability: 'evictable',
    channel: database,
    // Workers have no localStorage: there a vanished record looks like a first visit.
    trace: {
      found: () => attempted(() => localStorage.getItem(database)) === '',
      leave: () => attempted(() => localStorage.setItem(database, '')),
    },
    read: () => run('readonly', (found) => found),
    update: (updater) => run('readwrite', updater),
    close,
  }
}

/** Errors after the database was deleted under an open connection. Clear-Site-Data gives null. */
function isLost(error: unknown): boolean {
  return error == null || /^(InvalidState|Abort|Unknown)Error$/.test((error as Error).name)
}

function toFailure(error: unknown): unknown {
  const name = (error as Error | null)?.name
  // A value that cannot be cloned is the caller's mistake, not a fault of the store.
  if (isLatchkeyError(error) || name === 'DataCloneError') return error
  const codes: Readonly<Record<string, LatchkeyErrorCode | undefined>> = {
    QuotaExceededError: 'KEYSTORE_FULL',
    // Private windows of some engines fail to open a database so, on both attempts.
    InvalidStateError: 'KEYSTORE_PRIVATE',
    // If site data is blocked, Chromium's IndexedDB gives only `UnknownError`, and its localStorage throws.
    [name === 'UnknownError' && !attempted(() => [globalThis.localStorage]) ? name : 'SecurityError']:
      globalThis.origin === 'null' ? 'KEYSTORE_OPAQUE' : 'KEYSTORE_BLOCKED',
  }
  return new LatchkeyError(codes[name!] ?? 'KEYSTORE_UNAVAILABLE', undefined, error)
}

/** Returns the result of `work`; undefined if it throws. */
export function attempted<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

async function openDatabase(database: string, onLost: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(database)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE)
  const db = await promisifyRequest(request)
  db.onclose = db.onversionchange = onLost
  return db
}
