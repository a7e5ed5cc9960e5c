// Straight against IndexedDB, without the library: what is really kept.

/** The record as it is stored, with keys told as text; undefined where there is none. Makes no database. */
export async function readRecord(name = 'latchkey'): Promise<StoredRecord | undefined> {
  const databases = await indexedDB.databases()
  if (!databases.some((found) => found.name === `latchkey:${name}`)) return undefined
  const [record] = await allValues(`latchkey:${name}`)
  return record as StoredRecord | undefined
}

/** As far as specs look at it. */
export interface StoredRecord {
  readonly v: number
  readonly current: string | null
  readonly entries: readonly {
    readonly kind: string
    readonly principal: string
    readonly secret?: string
    readonly x?: string
    readonly keys?: { readonly sign: CryptoKey; readonly appRoot: CryptoKey }
  }[]
  readonly intent: unknown
  readonly outbox: readonly unknown[]
}

/** Puts a value in place of the record, as a bug or another version would. */
export async function writeRecord(value: unknown, name = 'latchkey'): Promise<void> {
  const db = await opened(name)
  const transaction = db.transaction('keyring', 'readwrite')
  transaction.objectStore('keyring').put(value, 'record')
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve
    transaction.onabort = () => reject(transaction.error)
  })
  db.close()
}

/** Everything that script can find on this origin, as one text to search in. */
export async function dumpStorage(): Promise<string> {
  const databases: Record<string, unknown> = {}
  for (const { name = '' } of await indexedDB.databases()) databases[name] = await allValues(name)
  const areas = [localStorage, sessionStorage].map((area) => ({ ...area }))
  const caches = await globalThis.caches.keys()
  return JSON.stringify({ databases, areas, caches, cookie: document.cookie })
}

async function allValues(database: string): Promise<unknown[]> {
  const db = await settled(indexedDB.open(database))
  const stores = [...db.objectStoreNames]
  const reads = stores.length ? stores.map((store) => settled(db.transaction(store).objectStore(store).getAll())) : []
  const values = await Promise.all(reads)
  db.close()
  return values.flat()
}

async function opened(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(`latchkey:${name}`)
  request.onupgradeneeded = () => request.result.createObjectStore('keyring')
  return settled(request)
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
