import type { JWK } from 'jose'
import { LatchkeyError } from '../../errors.ts'
import { withTimeout } from '../../timeout.ts'
import { type KeyFetch, fetchJson } from './bounded-fetch.ts'
import { type KeySet, createKeySet } from './key-set.ts'
import { readPem } from './pem.ts'
import { isPrivate } from './static-key.ts'

/**
 * The keys of an issuer, wherever they come from. `known` returns only a key that is fresh; `find` also throws
 * `KEYS_UNAVAILABLE`.
 */
export type KeySource = KeySet

/** Uses one key for every token, whatever its `kid`. */
export function staticKeys(jwk: JWK): KeySource {
  const keys = createKeySet([jwk])
  return { known: ({ alg }) => keys.known({ alg }), find: ({ alg }) => keys.find({ alg }) }
}

/** Options of {@link remoteKeys}. */
export interface RemoteKeyOptions {
  readonly url: string
  /** Converts the fetched document into keys. */
  readonly read: (document: unknown) => JWK[]
  readonly fetch: KeyFetch
  /** For one fetch, in milliseconds. */
  readonly timeout: number
  readonly clock: () => number
}

/** Age at which keys are fetched again, in milliseconds. */
const FRESH_MS = 600_000
/** Age at which keys are no longer used, even if the address does not respond, in milliseconds. */
const STALE_MS = 86_400_000
/** An unknown key, or a failed fetch, causes at most one fetch in this time, in milliseconds. */
const COOLDOWN_MS = 30_000
/** Delay before a failed fetch is retried when there are no keys yet, in milliseconds. */
const RETRY_MS = 1000

/**
 * Creates a key source that fetches keys from an address. They are cached for ten minutes and fetched again for an
 * unknown key, at most every 30 seconds. While the address does not respond, the last keys are used for up to a day.
 */
export function remoteKeys({ url, read, fetch, timeout, clock }: RemoteKeyOptions): KeySource {
  let keys: KeySet | undefined
  let readAt = -Infinity
  let triedAt = -Infinity
  let pending: Promise<void> | undefined
  let failure: unknown

  const load = async (): Promise<void> => {
    triedAt = clock()
    try {
      keys = createKeySet(read(await fetchJson(url, fetch, timeout)))
      readAt = triedAt
      failure = undefined
    } catch (error) {
      failure = error
    }
  }
  const isDue = (pause: number): boolean => !isWithin(clock() - triedAt, pause)
  // Concurrent callers share one fetch, however many tokens wait. In Workers, the fetch and its timers end with the
  // request that began them, and the promise never settles: each caller has a time limit of its own.
  const reload = (): Promise<void> => {
    const begun = (pending ??= load())
    const isLatest = (): boolean => pending === begun
    return withTimeout(begun, timeout, () => {
      if (isLatest()) failure = new Error(`no complete response within ${timeout} ms`)
    }).finally(() => {
      if (isLatest()) pending = undefined
    })
  }
  const isUsable = (): boolean => keys !== undefined && isWithin(clock() - readAt, STALE_MS)
  const isFresh = (): boolean => isWithin(clock() - readAt, FRESH_MS)

  const find: KeySource['find'] = async (header) => {
    if (!isUsable()) {
      if (pending || isDue(RETRY_MS)) await reload()
      // A fetch that has finished in the meantime counts too.
      if (!isUsable()) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
    } else if (!isFresh() && isDue(COOLDOWN_MS)) await reload()
    try {
      return await keys!.find(header)
    } catch (error) {
      if (!isUnknown(error)) throw error
      if (pending || isDue(COOLDOWN_MS)) await reload()
      // Without a successful fetch it is unknown whether the key is new.
      if (failure !== undefined) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
      return keys!.find(header)
    }
  }
  return { known: (header) => (isFresh() ? keys?.known(header) : undefined), find }
}

/** False if the clock was set back or returns NaN: nothing stays cached then. */
function isWithin(age: number, most: number): boolean {
  return age >= 0 && age < most
}

function isUnknown(error: unknown): boolean {
  return error instanceof LatchkeyError && error.code === 'TOKEN_KEY_UNKNOWN'
}

/** Largest number of keys of one issuer: each one that matches may have to be tried. */
const MOST_KEYS = 100

/** Parses a JWK set (RFC 7517 §5). Shared secrets and private keys are skipped: other parties know them. */
export function readJwks(document: unknown): JWK[] {
  const { keys } = (document ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new Error('expected a JWK set')
  return (keys as unknown[]).filter(isPublicJwk)
}

function isPublicJwk(key: unknown): key is JWK {
  const isObject = typeof key === 'object' && key !== null && !Array.isArray(key)
  return (
    isObject &&
    typeof (key as JWK).kty === 'string' &&
    (key as JWK).kty !== 'oct' &&
    !isPrivate(key as Record<string, unknown>)
  )
}

/** Parses certificates by `kid`, as Google publishes them. */
export function readCertificates(document: unknown): JWK[] {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Error('expected certificates by kid')
  const entries = Object.entries(document as Record<string, unknown>)
  if (entries.length > MOST_KEYS) throw new Error('expected fewer certificates')
  return entries.map(([kid, pem]) => ({ ...readPem(String(pem)), kid, use: 'sig' }))
}
