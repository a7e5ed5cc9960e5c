import { randomUUID } from 'node:crypto'
import { type BrowserContext, type Page, request } from '@playwright/test'
import {
  type Auth,
  type AuthOptions,
  LatchkeyError,
  type RecordStore,
  type UpgradeResult,
  memoryStore,
} from '../../lib/index.ts'
import { fetchAs } from './request-fetch.ts'
import { type Credentials, type SignIn, stepsOf } from './sign-in.ts'

/** What a device has before the app starts on it. */
export interface Preparation {
  /** Device secret: base64url, 43 characters. Defaults to a new one. */
  readonly secret?: string | undefined
  readonly account?: Credentials | SignIn | undefined
  readonly conflictWith?: Credentials | SignIn | undefined
}

/** Answered by the kit, so that nothing of the app runs while the record is written. */
const PATH = '/.well-known/latchkey-test-kit'

/**
 * Puts the record of a prepared identity into the context's storage.
 *
 * @param name - the option `name` of `createAuth`
 * @throws {LatchkeyError} `SECRET_INVALID`; `TEST_SETUP_REFUSED`: the account server did not answer as needed
 */
export async function prepare(
  context: BrowserContext,
  { origin, name, ...preparation }: Preparation & { readonly origin: string; readonly name: string },
): Promise<void> {
  const record = await recordOf(preparation, origin, fetchAs(context.request, origin))
  await onEmptyPage(context, origin, (page) => page.evaluate(writeRecord, [`latchkey:${name}`, record] as const))
}

/** Does something on a page of the origin that has nothing of the app. */
export async function onEmptyPage<Result>(
  context: BrowserContext,
  origin: string,
  act: (page: Page) => Promise<Result>,
): Promise<Result> {
  const url = origin + PATH
  await context.route(url, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title></title>' }),
  )
  const page = await context.newPage()
  try {
    await page.goto(url)
    return await act(page)
  } finally {
    await page.close()
    await context.unroute(url)
  }
}

/** The client itself makes the record, in Node, with the cookies of the device. */
async function recordOf(
  { secret, account, conflictWith }: Preparation,
  origin: string,
  fetch: typeof globalThis.fetch,
): Promise<unknown> {
  if (conflictWith) await createAccount(conflictWith, origin)
  const wanted = conflictWith ?? account
  const steps = wanted && (await stepsOf(wanted, { fetch, origin }))
  const keystore = memoryStore()
  const auth = await openAuth(keystore, origin, { initialMode: 'anonymous', ...(steps && { account: steps.account }) })
  try {
    await (secret === undefined ? auth.ensureIdentity() : auth.importSecret(secret))
    if (conflictWith) await auth.markWritten()
    if (steps) await signIn(auth, steps.run, conflictWith ? ['conflict', 'taken'] : ['upgraded', 'switched'])
    return await keystore.read()
  } finally {
    auth.close()
  }
}

/** The account may exist already. */
async function createAccount(account: Credentials | SignIn, origin: string): Promise<void> {
  const elsewhere = await request.newContext()
  try {
    const fetch = fetchAs(elsewhere, origin)
    const steps = await stepsOf(account, { fetch, origin })
    const auth = await openAuth(memoryStore(), origin, { account: steps.account })
    try {
      await signIn(auth, steps.run, ['upgraded', 'switched'])
    } finally {
      auth.close()
    }
  } finally {
    await elsewhere.dispose()
  }
}

async function openAuth(keystore: RecordStore, origin: string, options: AuthOptions): Promise<Auth> {
  // The client without a part that loads later: there is no page that has to appear first.
  const { createAuth } = await import('../../lib/worker.ts')
  return createAuth({
    ...options,
    keystore,
    // A name of its own: devices that are prepared at the same time do not wait for one another.
    name: randomUUID(),
    audience: origin,
    // Keys that cannot be copied could not leave this process. The app makes its own.
    harden: 'never',
  })
}

async function signIn(auth: Auth, run: () => unknown, wanted: readonly UpgradeResult['outcome'][]): Promise<void> {
  const result = await auth.upgrade(run)
  if (wanted.includes(result.outcome)) return
  const cause = result.outcome === 'failed' ? result.error : undefined
  const reason = cause ? ` (${cause.message})` : ''
  const detail = `expected the outcome ${wanted.join(' or ')}, got ${result.outcome}${reason}`
  throw new LatchkeyError('TEST_SETUP_REFUSED', detail, cause)
}

// Runs inside the page: it is serialized and cannot use anything outside itself.

/** As `indexedDbStore` stores it. */
async function writeRecord([database, record]: readonly [database: string, record: unknown]): Promise<void> {
  const request = indexedDB.open(database)
  request.onupgradeneeded = () => request.result.createObjectStore('keyring')
  await new Promise((resolve, reject) => {
    request.onsuccess = resolve
    request.onerror = () => reject(request.error)
  })
  const transaction = request.result.transaction('keyring', 'readwrite')
  transaction.objectStore('keyring').put(record, 'record')
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve
    transaction.onabort = () => reject(transaction.error)
  })
  request.result.close()
  localStorage.setItem(database, '')
}
