/** The two stores of a transaction. */
export interface Stores {
  readonly notes: IDBObjectStore
  readonly outbox: IDBObjectStore
}

const NAME = 'latchkey-notes'
const KEY = ['owner', 'id']

let opening: Promise<IDBDatabase> | undefined
/** True once this page has had the database. */
let isKnown = false
/** True if the connection ended as it does when the database is deleted. */
let isSuspect = false
let losses = 0

/** Returns how often the database was deleted under this page, as far as it was opened again since. */
export function lossCount(): number {
  return losses
}

/** Runs `work` in one transaction over both stores, and waits until it is on disk. Atomic. */
export async function transact<Value>(
  mode: IDBTransactionMode,
  work: (stores: Stores) => Promise<Value>,
): Promise<Value> {
  const transaction = await begin(mode)
  const finished = settle(transaction)
  try {
    const value = await work({ notes: transaction.objectStore('notes'), outbox: transaction.objectStore('outbox') })
    await finished
    return value
  } catch (error) {
    abort(transaction)
    await finished.catch(() => {})
    throw error
  }
}

/** Resolves with the result of one request. */
export function answerOf<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** A connection can be dead without an event, so a second one is tried. */
async function begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
  try {
    return (await open()).transaction(['notes', 'outbox'], mode)
  } catch {
    opening = undefined
    return (await open()).transaction(['notes', 'outbox'], mode)
  }
}

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1)
    let isNew = false
    request.onupgradeneeded = () => {
      isNew = true
      request.result.createObjectStore('notes', { keyPath: KEY })
      request.result.createObjectStore('outbox', { keyPath: KEY })
    }
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      // If it is not new, another tab may have made it anew.
      if (isKnown && (isNew || isSuspect)) losses++
      isKnown = true
      isSuspect = false
      resolve(giveWay(request.result))
    }
  })
  return opening
}

/** Closes on request: another tab may delete or upgrade the database, and an open connection would block it. */
function giveWay(database: IDBDatabase): IDBDatabase {
  const forget = (isDeleted: boolean): void => {
    opening = undefined
    isSuspect ||= isDeleted
  }
  // By the browser, with the data of the site.
  database.onclose = () => forget(true)
  database.onversionchange = ({ newVersion }) => {
    forget(newVersion === null)
    database.close()
  }
  return database
}

function settle(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // It had already ended.
  }
}
