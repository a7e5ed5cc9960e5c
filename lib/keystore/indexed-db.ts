import { get, update } from 'idb-keyval'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import type { RecordStore } from './store.ts'

const STORE = 'keyring'
const KEY = 'record'

/** How long to wait for IndexedDB before it is reported as not answering, in milliseconds. */
const PATIENCE = 4000

/**
 * The store of a browser: one IndexedDB database for each `name`.
 *
 * idb-keyval's own store keeps a connection that blocks deletion by another tab and hangs afterwards,
 * so it gets one that gives way and opens again.
 *
 * @param name - separates several apps on one origin
 */
export function indexedDbStore(name: string): RecordStore {
  const connection = createConnection(`latchkey:${name}`)
  return {
    durability: 'evictable',
    channel: `latchkey:${name}`,
    read: () => connection.run('readonly', (use) => get(KEY, use)),
    update: (updater) => connection.run('readwrite', (use) => updateUnlessSame(updater, use)),
    close: () => connection.close(),
  }
}

type UseStore = Parameters<typeof get>[1] & {}

const UNCHANGED = {}

async function updateUnlessSame<Value>(updater: (found: unknown) => Value, use: UseStore): Promise<Value> {
  let next: Value
  const change = (found: unknown): Value => {
    next = updater(found)
    if ((next as unknown) === found) throw UNCHANGED
    return next
  }
  await update(KEY, change, use).catch((error: unknown) => {
    if (error !== UNCHANGED) throw error
  })
  return next!
}

interface Connection {
  run<Value>(mode: IDBTransactionMode, work: (use: UseStore) => Promise<Value>): Promise<Value>
  close(): void
}

function createConnection(database: string): Connection {
  let opening: Promise<IDBDatabase> | undefined

  function close(): void {
    void opening?.then((db) => db.close(), () => {})
    opening = undefined
  }

  function open(): Promise<IDBDatabase> {
    return (opening ??= openDatabase(database, () => (opening = undefined)))
  }

  /** A handle can be dead without an event (Clear-Site-Data, a crashed storage process), and opening can have failed: once more. */
  async function begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
    try {
      return startTransaction(await open(), mode)
    } catch {
      close()
      return startTransaction(await open(), mode)
    }
  }

  return { close, run: (mode, work) => bounded((started) => work(async (_, use) => use(started(await begin(mode))))) }
}

function startTransaction(db: IDBDatabase, mode: IDBTransactionMode): IDBTransaction {
  // Writes are rare and each is somebody's identity: wait until it is on disk.
  return db.transaction(STORE, mode, { durability: 'strict' })
}

function openDatabase(database: string, onLost: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const db = request.result
      db.onclose = onLost
      db.onversionchange = () => {
        onLost()
        db.close()
      }
      resolve(db)
    }
  })
}

/**
 * Runs work that must end in bounded time. A transaction that is still open then is aborted, so that
 * what was reported as failed cannot be written later.
 */
async function bounded<Value>(
  work: (started: (transaction: IDBTransaction) => IDBObjectStore) => Promise<Value>,
): Promise<Value> {
  let transaction: IDBTransaction | undefined
  let late = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true
      abort(transaction)
      reject(new LatchkeyError('KEYSTORE_TIMEOUT', `no answer in ${PATIENCE} ms`))
    }, PATIENCE)
  })
  const started = (begun: IDBTransaction): IDBObjectStore => {
    transaction = begun
    if (late) abort(begun)
    return begun.objectStore(STORE)
  }
  try {
    return await Promise.race([work(started), patience])
  } catch (error) {
    throw isLatchkeyError(error) ? error : new LatchkeyError('KEYSTORE_UNAVAILABLE', undefined, error)
  } finally {
    clearTimeout(timer)
  }
}

function abort(transaction: IDBTransaction | undefined): void {
  try {
    transaction?.abort()
  } catch {
    // Already finished: the answer is on its way.
  }
}
