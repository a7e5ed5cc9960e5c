import type { BrowserContext } from '@playwright/test'
import { onAPage, pagesOf } from './app-pages.ts'

/** Something on a device that can hold text. */
export interface StoredText {
  /** Such as `localStorage: theme`. */
  readonly place: string
  readonly text: string
}

/** Everything that scripts of the origin and requests to it find on a device. */
export async function readStored(context: BrowserContext, origin: string): Promise<readonly StoredText[]> {
  const pages = pagesOf(context, origin)
  const tabs = await Promise.all(pages.map((page) => page.evaluate(readTab)))
  const shared = await onAPage(context, origin, (page) => page.evaluate(readShared))
  const cookies = (await context.cookies(origin)).map(({ name, value }) => ({ place: `cookie: ${name}`, text: value }))
  return [...tabs.flat(), ...shared, ...cookies]
}

// The functions below run inside the page: each one is serialized and cannot use anything outside itself.

function readTab(): StoredText[] {
  return Object.entries(sessionStorage).map(([key, value]) => ({
    place: `sessionStorage: ${key}`,
    text: `${key} ${String(value)}`,
  }))
}

async function readShared(): Promise<StoredText[]> {
  const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const asText = (value: unknown): string =>
    JSON.stringify(value, (_, member: unknown) => {
      if (member instanceof Map || member instanceof Set) return [...member]
      if (typeof member === 'bigint') return String(member)
      const isView = ArrayBuffer.isView(member)
      if (!isView && !(member instanceof ArrayBuffer)) return member
      const bytes = isView
        ? new Uint8Array(member.buffer, member.byteOffset, member.byteLength)
        : new Uint8Array(member)
      // As a secret is written, and as text.
      const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
      const base64url = btoa(latin).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
      return [base64url, new TextDecoder().decode(bytes)]
    }) ?? ''
  const found = Object.entries(localStorage).map(([key, value]) => ({
    place: `localStorage: ${key}`,
    text: `${key} ${String(value)}`,
  }))
  for (const { name = '' } of await indexedDB.databases()) {
    const db = await settled(indexedDB.open(name))
    for (const store of db.objectStoreNames) {
      const place = `IndexedDB: ${name}, ${store}`
      const objects = db.transaction(store).objectStore(store)
      const [keys, values] = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll())])
      found.push({ place, text: asText([keys, values]) })
    }
    db.close()
  }
  for (const name of await globalThis.caches.keys()) {
    const cache = await globalThis.caches.open(name)
    for (const request of await cache.keys()) {
      const text = (await (await cache.match(request))?.text()) ?? ''
      found.push({ place: `Cache: ${name}, ${request.url}`, text: `${request.url} ${text}` })
    }
  }
  return found
}
