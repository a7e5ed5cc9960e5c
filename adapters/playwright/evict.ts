import type { BrowserContext } from '@playwright/test'
import { onAPage, pagesOf } from './app-pages.ts'

/** Options of `Device.evict`. */
export interface EvictOptions {
  /**
   * `identity`, the default: only the record of `createAuth` goes, and its marker stays, so that the app finds
   * `KEYSTORE_VANISHED`. `site-data`: everything that scripts stored on the app's origin (IndexedDB, `localStorage`,
   * `sessionStorage`, caches, files, service workers); the next start is a first visit, except for cookies.
   */
  readonly what?: 'identity' | 'site-data'
  /** The option `name` of `createAuth`. Defaults to that of the device. */
  readonly name?: string
}

/** Deletes what the browser would evict, while the app's pages stay open. */
export async function evict(
  context: BrowserContext,
  origin: string,
  { what = 'identity', name }: Required<EvictOptions>,
): Promise<void> {
  const database = `latchkey:${name}`
  if (what === 'site-data') await Promise.all(pagesOf(context, origin).map((page) => page.evaluate(clearTab)))
  await onAPage(context, origin, async (page) => {
    if (what === 'identity') await page.evaluate(leaveMarker, database)
    await page.evaluate(deleteDatabases, what === 'identity' ? [database] : null)
    if (what === 'site-data') await page.evaluate(deleteTheRest)
  })
}

// The functions below run inside the page: each one is serialized and cannot use anything outside itself.

/** The client leaves the marker of a record when its later chunk has loaded: the test need not wait for that. */
async function leaveMarker(database: string): Promise<void> {
  const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  // Opening a database that is not there would create it.
  if (!(await indexedDB.databases()).some(({ name }) => name === database)) return
  const db = await settled(indexedDB.open(database))
  const record = (await settled(db.transaction('keyring').objectStore('keyring').get('record'))) as
    | { readonly entries?: readonly unknown[] }
    | undefined
  db.close()
  if (record?.entries?.length) localStorage.setItem(database, '')
}

/** @param databases - null: all of them */
async function deleteDatabases(databases: readonly string[] | null): Promise<void> {
  const names = databases ?? (await indexedDB.databases()).map(({ name }) => name!)
  const remove = (name: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name)
      request.onsuccess = resolve
      request.onerror = () => reject(request.error)
      request.onblocked = () => reject(new Error(`a connection to the database '${name}' does not close`))
    })
  await Promise.all(names.map(remove))
}

/** A page whose later chunk has yet to load would leave the marker of a record that is gone. */
function clearTab(): void {
  sessionStorage.clear()
  const { setItem } = Storage.prototype
  Storage.prototype.setItem = function (key, value) {
    if (!String(key).startsWith('latchkey:')) setItem.call(this, key, value)
  }
}

async function deleteTheRest(): Promise<void> {
  localStorage.clear()
  // An insecure origin has neither caches nor files nor service workers.
  if (!isSecureContext) return
  await Promise.all((await caches.keys()).map((name) => caches.delete(name)))
  const files = await navigator.storage.getDirectory()
  const names: string[] = []
  for await (const name of files.keys()) names.push(name)
  await Promise.all(names.map((name) => files.removeEntry(name, { recursive: true })))
  const registrations = await navigator.serviceWorker.getRegistrations()
  await Promise.all(registrations.map((registration) => registration.unregister()))
}
