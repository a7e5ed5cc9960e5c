import type { BrowserContext } from '@playwright/test'
import { onAPage, pagesOf } from './app-pages.ts'

/** Something on a device that can hold text. */
export interface StoredText {
  /** Such as `localStorage: theme`. */
  readonly place: string
  readonly text: string
}

/**
 * Everything that scripts of the origin and requests to it find on a device. Texts are as they are stored, each on a
 * line of its own.
 */
export async function readStored(context: BrowserContext, origin: string): Promise<readonly StoredText[]> {
  const pages = pagesOf(context, origin)
  const tabs = await Promise.all(pages.map((page) => page.evaluate(readTab)))
  const shared = await onAPage(context, origin, async (page) => [
    ...(await page.evaluate(readLocalStorage)),
    ...(await page.evaluate(readDatabases)),
    ...(await page.evaluate(readCaches)),
    ...(await page.evaluate(readFiles)),
  ])
  return [...tabs.flat(), ...shared, ...(await readCookies(context, new URL(origin).hostname))]
}

/** Of any path: `context.cookies(origin)` would leave out what only some requests carry. */
async function readCookies(context: BrowserContext, host: string): Promise<StoredText[]> {
  const isOfHost = ({ domain }: { readonly domain: string }): boolean =>
    domain === host || (domain.startsWith('.') && `.${host}`.endsWith(domain))
  return (await context.cookies())
    .filter(isOfHost)
    .map(({ name, value }) => ({ place: `cookie: ${name}`, text: `${name}\n${value}` }))
}

// The functions below run inside the page: each one is serialized and cannot use anything outside itself.

function readTab(): StoredText[] {
  return Object.entries(sessionStorage).map(([key, value]) => ({
    place: `sessionStorage: ${key}`,
    text: `${key}\n${String(value)}`,
  }))
}

function readLocalStorage(): StoredText[] {
  return Object.entries(localStorage).map(([key, value]) => ({
    place: `localStorage: ${key}`,
    text: `${key}\n${String(value)}`,
  }))
}

async function readDatabases(): Promise<StoredText[]> {
  const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const textsIn = async (value: unknown, seen: Set<object>): Promise<string[]> => {
    if (typeof value !== 'object' || value === null) return [String(value)]
    if (seen.has(value)) return []
    seen.add(value)
    if (value instanceof Blob) return textsIn([value.type, (value as File).name, await value.arrayBuffer()], seen)
    if (value instanceof Date) return [Number.isNaN(Number(value)) ? '' : value.toISOString()]
    if (value instanceof RegExp || value instanceof Error) return [String(value)]
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value instanceof ArrayBuffer ? new Uint8Array(value) : value
      const bytes = new Uint8Array(buffer, byteOffset, byteLength)
      // As text, and as a secret is written.
      const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
      const base64url = btoa(latin).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
      return [new TextDecoder().decode(bytes), base64url]
    }
    const members = value instanceof Map || value instanceof Set ? [...value] : Object.entries(value).flat()
    return (await Promise.all(members.map((member) => textsIn(member, seen)))).flat()
  }
  const found: StoredText[] = []
  for (const { name = '' } of await indexedDB.databases()) {
    const db = await settled(indexedDB.open(name))
    for (const store of db.objectStoreNames) {
      const objects = db.transaction(store).objectStore(store)
      const content = await Promise.all([settled(objects.getAllKeys()), settled(objects.getAll())])
      const texts = [name, store, ...(await textsIn(content, new Set()))]
      found.push({ place: `IndexedDB: ${name}, ${store}`, text: texts.join('\n') })
    }
    db.close()
  }
  return found
}

async function readCaches(): Promise<StoredText[]> {
  // An insecure origin has none.
  if (!isSecureContext) return []
  const found: StoredText[] = []
  for (const name of await caches.keys()) {
    const cache = await caches.open(name)
    for (const request of await cache.keys()) {
      const response = (await cache.match(request)) ?? new Response()
      const headers = [...request.headers, ...response.headers].flat()
      const texts = [name, request.url, response.url, ...headers, await response.text()]
      found.push({ place: `Cache: ${name}, ${request.url}`, text: texts.join('\n') })
    }
  }
  return found
}

/** In the origin private file system (WHATWG File System). */
async function readFiles(): Promise<StoredText[]> {
  if (!isSecureContext) return []
  const within = async (folder: FileSystemDirectoryHandle, path: string): Promise<StoredText[]> => {
    const found: StoredText[] = []
    for await (const [name, entry] of folder.entries()) {
      const place = `${path}${name}`
      if (entry.kind === 'directory') found.push(...(await within(entry as FileSystemDirectoryHandle, `${place}/`)))
      else {
        const file = await (entry as FileSystemFileHandle).getFile()
        found.push({ place: `file: ${place}`, text: `${place}\n${await file.text()}` })
      }
    }
    return found
  }
  return within(await navigator.storage.getDirectory(), '')
}
