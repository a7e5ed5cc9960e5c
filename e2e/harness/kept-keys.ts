// Straight against WebCrypto and IndexedDB, without the library: what the engine itself can do with keys that no script
// can copy.

interface Keys {
  readonly sign: CryptoKey
  readonly root: CryptoKey
}

/** What a page could do with the keys that it found. */
export interface KeptKeys {
  readonly isSignatureRight: boolean
  readonly isDerivationRight: boolean
  readonly isCopied: boolean
}

const DATABASE = 'kept-keys'
// Does not begin with a zero: WebKitGTK refuses such seeds.
const SEED = Uint8Array.from({ length: 32 }, (_, index) => index + 1)
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
const MESSAGE = new TextEncoder().encode('still the same key')
const HKDF = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: MESSAGE }

/** Stores a non-extractable Ed25519 key and a non-extractable HKDF key in IndexedDB. */
export async function keepKeys(): Promise<void> {
  const keys = await importKeys(false)
  await inStore('readwrite', (store) => store.put(keys, 'keys'))
}

/** Reads them back and uses them. */
export async function useKeptKeys(): Promise<KeptKeys> {
  const kept = await inStore('readonly', (store) => store.get('keys') as IDBRequest<Keys>)
  const fresh = await importKeys(true)
  return {
    isSignatureRight: (await signatureOf(kept)) === (await signatureOf(fresh)),
    isDerivationRight: (await derivedOf(kept)) === (await derivedOf(fresh)),
    isCopied: await crypto.subtle.exportKey('pkcs8', kept.sign).then(
      () => true,
      () => false,
    ),
  }
}

async function importKeys(extractable: boolean): Promise<Keys> {
  return {
    sign: await crypto.subtle.importKey('pkcs8', new Uint8Array([...PKCS8_PREFIX, ...SEED]), 'Ed25519', extractable, [
      'sign',
    ]),
    root: await crypto.subtle.importKey('raw', SEED, 'HKDF', false, ['deriveBits']),
  }
}

async function signatureOf({ sign }: Keys): Promise<string> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', sign, MESSAGE)).join()
}

async function derivedOf({ root }: Keys): Promise<string> {
  return new Uint8Array(await crypto.subtle.deriveBits(HKDF, root, 256)).join()
}

async function inStore<Value>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const opening = indexedDB.open(DATABASE)
  opening.onupgradeneeded = () => opening.result.createObjectStore('keys')
  const db = await settled(opening)
  const transaction = db.transaction('keys', mode)
  const request = work(transaction.objectStore('keys'))
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve
    transaction.onabort = () => reject(transaction.error)
  })
  db.close()
  return request.result
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
