import { promisifyRequest } from 'idb-keyval'
import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { withTimeout } from '../timeout.ts'
import type { RecordStore, Trace } from './store.ts'

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
  const { run, close } = createConnection(database)
  return {
    durability: 'evictable',
    channel: database,
    trace: localStorageTrace(database),
    read: () => run('readonly', (store) => promisifyRequest(store.get(KEY))),
    update: (updater) => run('readwrite', (store) => updateUnlessSame(store, updater)),
    close,
  }
}

/** One transaction: no other code reads or writes between the two. */
async function updateUnlessSame<Value>(store: IDBObjectStore, updater: (found: unknown) => Value): Promise<Value> {
  const found: unknown = await promisifyRequest(store.get(KEY))
  const next = updater(found)
  if (next !== found) store.put(next, KEY)
  await promisifyRequest(store.transaction)
  return next
}

type Work<Value> = (store: IDBObjectStore) => Promise<Value>

interface Connection {
  run<Value>(mode: IDBTransactionMode, work: Work<Value>): Promise<Value>
  close(): void
}

function createConnection(database: string): Connection {
  let opening: Promise<IDBDatabase> | undefined

  function close(): void {
    void opening?.then(
      (db) => db.close(),
      () => {},
    )
    opening = undefined
  }

  async function begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
    const db = await (opening ??= openDatabase(database, close))
    // Writes are rare, and a lost one would lose an identity: wait until it is on disk.
    return db.transaction(STORE, mode, { durability: 'strict' })
  }

  /**
   * A connection can be dead without an event (Clear-Site-Data, a crashed storage process), and Clear-Site-Data closes
   * the next one too. A transaction that failed is not written, so it is retried.
   */
  async function attempt<Value>(work: () => Promise<Value>, left = 2): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      if (!left || !isLost(error)) throw error
      close()
      return attempt(work, left - 1)
    }
  }

  /** Aborts a transaction that is still open at the time limit: a write that was reported as failed never happens. */
  async function bounded<Value>(mode: IDBTransactionMode, work: Work<Value>): Promise<Value> {
    let transaction: IDBTransaction | undefined
    let isLate = false
    const running = attempt(async () => {
      transaction = await begin(mode)
      if (isLate) transaction.abort()
      return work(transaction.objectStore(STORE))
    })
    return withTimeout(running, TIMEOUT_MS, () => {
      isLate = true
      // A transaction that has just finished cannot be aborted: its result is about to arrive.
      attempted(() => transaction?.abort())
      throw new LatchkeyError('KEYSTORE_TIMEOUT')
    })
  }

  return {
    close,
    async run(mode, work) {
      try {
        return await bounded(mode, work)
      } catch (error) {
        // Lets the next call open a new connection.
        close()
        throw toFailure(error)
      }
    },
  }
}

/** Errors after the database was deleted under an open connection. Clear-Site-Data gives null. */
function isLost(error: unknown): boolean {
  return error == null || /^(InvalidState|Abort|Unknown)Error$/.test((error as Error).name)
}

function toFailure(error: unknown): unknown {
  const { name } = (error ?? {}) as Error
  // A value that cannot be cloned is the caller's mistake, not a fault of the store.
  if (isLatchkeyError(error) || name === 'DataCloneError') return error
  const denied = globalThis.origin === 'null' ? 'KEYSTORE_OPAQUE' : 'KEYSTORE_BLOCKED'
  const isDenied = name === 'SecurityError' || (name === 'UnknownError' && isForbidden())
  return new LatchkeyError(isDenied ? denied : (CODES[name] ?? 'KEYSTORE_UNAVAILABLE'), undefined, error)
}

/** If site data is blocked, Chromium's IndexedDB gives only `UnknownError`, and its localStorage throws. */
function isForbidden(): boolean {
  return !attempted(() => [globalThis.localStorage])
}

/** Private windows of some engines fail to open a database with `InvalidStateError`, on both attempts. */
const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  QuotaExceededError: 'KEYSTORE_FULL',
  InvalidStateError: 'KEYSTORE_PRIVATE',
}

/** Workers have no localStorage: there a vanished record looks like a first visit. */
function localStorageTrace(key: string): Trace {
  return {
    found: () => attempted(() => localStorage.getItem(key)) === '',
    leave: () => attempted(() => localStorage.setItem(key, '')),
  }
}

function attempted<Value>(work: () => Value): Value | undefined {
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
