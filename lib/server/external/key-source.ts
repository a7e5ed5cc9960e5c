import { type CryptoKey, type JWK, type JWSHeaderParameters, createLocalJWKSet, errors } from 'jose'
import { LatchkeyError } from '../../errors.ts'
import { type KeyFetch, fetchJson } from './bounded-fetch.ts'
import { readPem } from './pem.ts'
import { isPrivate } from './static-key.ts'

/**
 * Finds the key for a token's header.
 *
 * @throws {LatchkeyError} `TOKEN_KEY_UNKNOWN`, `KEYS_UNAVAILABLE`; jose's own error where several keys fit
 */
export type KeySource = (header: JWSHeaderParameters) => Promise<CryptoKey>

/** One key for every token, whatever `kid` it names. */
export function staticKeys(jwk: JWK): KeySource {
  const keys = createLocalJWKSet({ keys: [jwk] })
  return ({ alg }) => find(keys, alg === undefined ? {} : { alg })
}

/** How keys are got from an address. */
export interface RemoteKeyOptions {
  readonly url: string
  /** Makes keys of what was got. */
  readonly read: (document: unknown) => JWK[]
  readonly fetch: KeyFetch
  /** Milliseconds for one fetch. */
  readonly timeout: number
  readonly clock: () => number
}

/** Keys older than this are got again, milliseconds. */
const FRESH_MS = 600_000
/** Keys older than this are not used any more, also while new ones cannot be got. */
const STALE_MS = 86_400_000
/** A key that nobody knows makes for one fetch in this time, and so do keys that cannot be got. */
const COOLDOWN_MS = 30_000
/** Without any keys a fetch that failed is tried again after this time. */
const RETRY_MS = 1000

type LocalKeys = ReturnType<typeof createLocalJWKSet>

/**
 * Keys from an address: kept for ten minutes, got again for a key that is not among them, at most every 30 seconds.
 * While the address does not answer, those that were got last are used for a day.
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
  // Fetches never pile up, however many tokens wait.
  const reload = (): Promise<void> => (pending ??= load())
  const isUsable = (): boolean => keys !== undefined && isWithin(clock() - readAt, STALE_MS)

  return async (header) => {
    if (!isUsable()) {
      if (pending || isDue(RETRY_MS)) await reload()
      // An answer that came in the meantime counts as well.
      if (!isUsable()) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
    } else if (!isWithin(clock() - readAt, FRESH_MS) && isDue(COOLDOWN_MS)) await reload()
    try {
      return await find(keys!, header)
    } catch (error) {
      if (!isUnknown(error)) throw error
      if (pending || isDue(COOLDOWN_MS)) await reload()
      // Nobody can tell whether the key is new.
      if (failure !== undefined) throw new LatchkeyError('KEYS_UNAVAILABLE', undefined, failure)
      return find(keys!, header)
    }
  }
}

/** A clock that was put back, or answers NaN, keeps nothing. */
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

/** Most keys of one issuer. */
const MOST_KEYS = 100

/** Reads a JWK set (RFC 7517 §5). Shared secrets and private keys in it are passed over: others know them too. */
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

/** Reads certificates by `kid`, as Google publishes them. */
export function readCertificates(document: unknown): JWK[] {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new Error('expected certificates by kid')
  const entries = Object.entries(document as Record<string, unknown>)
  if (entries.length > MOST_KEYS) throw new Error('expected fewer certificates')
  return entries.map(([kid, pem]) => ({ ...readPem(String(pem)), kid, use: 'sig' }))
}
