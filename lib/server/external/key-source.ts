import { type CryptoKey, type JWK, type JWSHeaderParameters, createLocalJWKSet, errors } from 'jose'
import { LatchkeyError } from '../../errors.ts'
import { type KeyFetch, fetchJson } from './bounded-fetch.ts'
import { readPem } from './pem.ts'
import { isPrivate } from './static-key.ts'

/**
 * Returns the key for a token's header.
 *
 * @throws {LatchkeyError} `TOKEN_KEY_UNKNOWN`, `KEYS_UNAVAILABLE`; if several keys match, jose's own error
 */
export type KeySource = (header: JWSHeaderParameters) => Promise<CryptoKey>

/** Uses one key for every token, whatever its `kid`. */
export function staticKeys(jwk: JWK): KeySource {
  const keys = createLocalJWKSet({ keys: [jwk] })
  return ({ alg }) => find(keys, alg === undefined ? {} : { alg })
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

type LocalKeys = ReturnType<typeof createLocalJWKSet>

/**
 * Creates a key source that fetches keys from an address. They are cached for ten minutes and fetched again for an
 * unknown key, at most every 30 seconds. While the address does not respond, the last keys are used for up to a day.
 */
export function remoteKeys({ url, read, fetch, timeout, clock }: RemoteKeyOptions): KeySource {
  let keys: LocalKeys | undefined
  let readAt = -Infinity
  let triedAt = -Infinity
  let pending: Promise<void> | undefined
  let failure: unknown

  const load = async (): Promise<void> => {
    triedAt = clock()
    try {
      keys = createLocalJWKSet({ keys: read(await fetchJson(url, fetch, timeout)) })
      readAt = triedAt
      failure = undefined
    } catch (error) {
      failure = error
    } finally {
      pending = undefined
    }
  }
  const isDue = (pause: number): boolean => !isWithin(clock() - triedAt, pause)
  // Concurrent callers share one fetch, however many tokens wait.
  const reload = (): Promise<void> => (pending ??= load())
  const isUsable = (): boolean => keys !== undefined && isWithin(clock() - readAt, STALE_MS)

  return async (header) => {
    if (!isUsable()) {
      if (pending || isDue(RETRY_MS)) await reload()
      // A fetch that has finished in the meantime counts too.
      if (!isUsable()) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
    } else if (!isWithin(clock() - readAt, FRESH_MS) && isDue(COOLDOWN_MS)) await reload()
    try {
      return await find(keys!, header)
    } catch (error) {
      if (!isUnknown(error)) throw error
      if (pending || isDue(COOLDOWN_MS)) await reload()
      // Without a successful fetch it is unknown whether the key is new.
      if (failure !== undefined) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
      return find(keys!, header)
    }
  }
}

/** False if the clock was set back or returns NaN: nothing stays cached then. */
function isWithin(age: number, most: number): boolean {
  return age >= 0 && age < most
}

function isUnknown(error: unknown): boolean {
  return error instanceof LatchkeyError && error.code === 'TOKEN_KEY_UNKNOWN'
}

async function find(keys: LocalKeys, header: JWSHeaderParameters): Promise<CryptoKey> {
  try {
    return await keys(header)
  } catch (error) {
    throw error instanceof errors.JWKSNoMatchingKey ? new LatchkeyError('TOKEN_KEY_UNKNOWN') : error
  }
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
