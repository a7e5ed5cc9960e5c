import { type AuthOptions, type AuthState, createAuth, indexedDbStore, memoryStore } from 'latchkey'
import { storeAcceptance } from 'latchkey/testing'

/** What came out of one case of the acceptance suite; `error` is null where the store behaves. */
export interface AcceptanceOutcome {
  readonly name: string
  readonly error: string | null
}

/** Runs the acceptance suite over one of the library's stores. */
export function acceptStore(kind: 'indexedDbStore' | 'memoryStore'): Promise<AcceptanceOutcome[]> {
  let count = 0
  const open = async () => {
    const app = `acceptance-${count++}`
    if (kind === 'indexedDbStore') return { first: indexedDbStore(app), second: indexedDbStore(app) }
    const shared = memoryStore()
    return { first: shared, second: shared }
  }
  return Promise.all(
    storeAcceptance(open).map(async ({ name, run }) => ({ name, error: await run().then(() => null, String) })),
  )
}

let auth: ReturnType<typeof createAuth> | undefined

/** Starts the library, once in a page, and tells what state it is in. */
export async function startAuth(options?: AuthOptions): Promise<AuthState> {
  auth ??= createAuth(options)
  await auth.ready
  return auth.getState()
}

/** Asks for an identity: its principal comes back, or the code of what goes wrong instead. */
export async function ensureIdentity(): Promise<string> {
  return codeOf(auth!.ensureIdentity().then(({ principal }) => principal))
}

/** Makes the identity of a secret the current one, and returns its principal. */
export async function importSecret(secret: string): Promise<string> {
  return codeOf(auth!.importSecret(secret, { replace: true }).then(({ principal }) => principal))
}

/** Waits until the state says how the secret is kept. */
export function waitForProtection(wanted: AuthState['storage']['protection']): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => void (auth!.getState().storage.protection === wanted && resolve())
    auth!.subscribe(look)
    look()
  })
}

/** Signs a token. */
export async function signToken(): Promise<string | null> {
  return auth!.getToken()
}

async function codeOf(work: Promise<string>): Promise<string> {
  return work.catch((error: { readonly code?: string }) => error.code ?? String(error))
}

/** Asks the browser to keep this site's storage, starts the library, and tells what the browser has said by then. */
export async function startWhileAsking(): Promise<AuthState & { readonly persist: string }> {
  // Absent in some engines, whatever the types say.
  const asking = (navigator.storage as Partial<StorageManager> | undefined)?.persist?.call(navigator.storage)
  let persist = asking ? 'not answered' : 'missing'
  void asking?.then((granted) => (persist = granted ? 'granted' : 'refused'))
  return { ...(await startAuth()), persist }
}

/** Deletes the library's database, as another app on the origin or a person in the settings might. */
export function deleteDatabase(): Promise<'deleted' | 'blocked'> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase('latchkey:latchkey')
    request.onsuccess = () => resolve('deleted')
    request.onblocked = () => resolve('blocked')
    request.onerror = () => reject(request.error)
  })
}

/** Tells what this browser does when a page asks for a database: `opened`, or the name of what it throws. */
export async function tryDatabase(): Promise<string> {
  try {
    const request = indexedDB.open('probe')
    return await new Promise((resolve, reject) => {
      request.onsuccess = () => resolve('opened')
      request.onerror = () => reject(request.error)
    })
  } catch (error) {
    return (error as Error).name
  }
}

/** How many identities the record holds; the code of what goes wrong instead. */
export async function countIdentities(): Promise<number | string> {
  const store = indexedDbStore('latchkey')
  try {
    const record = (await store.read()) as { readonly entries: readonly unknown[] } | undefined
    return record?.entries.length ?? 0
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  } finally {
    store.close()
  }
}
