import { LOCAL_FIRST_ISSUER } from '../../tokens/claims.ts'
import { ALGORITHMS } from './algorithms.ts'
import type { KeyFetch } from './bounded-fetch.ts'
import { type KeySource, readCertificates, readJwks, remoteKeys, staticKeys } from './key-source.ts'
import type { PrincipalRule } from './principals.ts'
import { algorithmsOf, readStaticKey } from './static-key.ts'

/** One of several key sources of an issuer, with what holds only for tokens signed by its keys. */
export type IssuerSource = Pick<
  ExternalIssuer,
  'jwksUrl' | 'certificatesUrl' | 'publicKey' | 'audience' | 'algorithms' | 'timeout' | 'fetch'
>

/**
 * An issuer whose tokens are accepted. Its keys come from exactly one of `jwksUrl`, `certificatesUrl`, `publicKey` and
 * `sources`.
 */
export interface ExternalIssuer {
  /** Compared with `iss` exactly, including a trailing slash. A list if the issuer has several names. */
  readonly issuer: string | readonly string[]
  /** Where the issuer publishes its keys (RFC 7517). */
  readonly jwksUrl?: string
  /** Where the issuer publishes certificates by `kid`, as Google does. */
  readonly certificatesUrl?: string
  /** A single key: PEM (SPKI or X.509), or a JWK as an object or as JSON. */
  readonly publicKey?: string | Readonly<Record<string, unknown>>
  /**
   * Several key sources (at most 8), while an issuer moves from one to another or has one for each client. A token has
   * to satisfy one of them in full: `audience` and `algorithms` of a source replace those of the issuer for its keys.
   */
  readonly sources?: readonly IssuerSource[]
  /** Accepted `aud`; one match is enough. Omit it only if the issuer serves no other app. */
  readonly audience?: string | readonly string[]
  /** Accepted values of `azp`, the party that the token was issued to. */
  readonly authorizedParties?: readonly string[]
  /** Also accepts tokens without `azp`, for native apps, which have no origin. */
  readonly allowMissingParty?: boolean
  /** Accepted `alg` of the header. Defaults to every asymmetric algorithm. */
  readonly algorithms?: readonly string[]
  /** Accepted `typ` of the header. Defaults to `JWT`, `at+jwt` and none. */
  readonly type?: string | readonly string[]
  /**
   * Client ids of the OAuth clients whose tokens count as the account's own session; `any` skips the check. Other
   * tokens with `client_id`, `azp` or `scope` are refused. Defaults to `authorizedParties` for an issuer that runs
   * Latchkey (`aliases`), and to `any` for other issuers, whose tokens are all sessions.
   */
  readonly clients?: 'any' | readonly string[]
  /** Claims that must be present, besides `iss`, `sub` and `exp`. */
  readonly requiredClaims?: readonly string[]
  /**
   * Returns true if the token belongs to an account, and not for example to one of the provider's anonymous users. Any
   * other answer, a promise included, refuses it.
   */
  readonly isAccount?: (claims: Readonly<Record<string, unknown>>) => boolean
  /** How `sub` becomes the principal. Defaults to `sub` itself, which only one issuer may use. */
  readonly principal?: PrincipalRule
  /**
   * Accepts the `aliases` claim as further principals. Only for a server that runs Latchkey; its tokens then need
   * `auth_mode`.
   */
  readonly aliases?: boolean
  /**
   * Returns whether a device may still sign in: asked for each token that the issuer's exchange issued for a device
   * without an account (`auth_mode` is `local-first`), cached or not. Without it, such a token is accepted until it
   * expires.
   *
   * @returns `disabled` to refuse the token
   */
  readonly lookup?: (principal: string) => Promise<'active' | 'disabled'>
  /**
   * Returns whether a session still exists: asked for each token of an account with the claim `sid`, cached or not.
   * Without it, such a token is accepted until it expires.
   *
   * @param sid - identifies the session
   * @param principal - of the account
   * @returns `disabled` to refuse the token
   */
  readonly lookupSession?: (sid: string, principal: string) => Promise<'active' | 'disabled'>
  /** Tolerated clock difference in seconds, at most 300. Defaults to 0. */
  readonly clockTolerance?: number
  /** Timeout for fetching the keys in milliseconds, at most 30 000. Defaults to 5000. */
  readonly timeout?: number
  /** Fetches the keys; replaces the global `fetch`, for example in tests without a network. */
  readonly fetch?: KeyFetch
}

/** The validated options of one issuer. */
export interface IssuerRules {
  readonly issuers: readonly [string, ...string[]]
  readonly keys: KeySource
  readonly audience: readonly string[] | undefined
  readonly parties: readonly string[] | undefined
  readonly allowMissingParty: boolean
  readonly algorithms: readonly string[]
  /** Accepted `typ` values, normalized. Null stands for a header without `typ`. */
  readonly types: readonly (string | null)[]
  readonly clients: 'any' | readonly string[]
  readonly requiredClaims: readonly string[]
  readonly isAccount: NonNullable<ExternalIssuer['isAccount']>
  readonly principal: PrincipalRule
  readonly aliases: boolean
  /** True if the issuer runs Latchkey: its subjects can be device principals and namespaced ids. */
  readonly isOwn: boolean
  readonly lookup: ExternalIssuer['lookup']
  readonly lookupSession: ExternalIssuer['lookupSession']
  readonly clockTolerance: number
}

/** The claim with which a server that runs Latchkey marks its own tokens: `external` or `local-first`. */
const MODE_CLAIM = 'auth_mode'
const MODES: readonly unknown[] = ['external', 'local-first']

/** Returns true if the options say that the issuer runs Latchkey. Its subjects may be any principal. */
export function saysOwn({ aliases, requiredClaims = [] }: Partial<ExternalIssuer>): boolean {
  return aliases === true || requiredClaims.includes(MODE_CLAIM)
}

/**
 * Adds the rules for an issuer that runs Latchkey. Its key also signs for other parties (an OAuth client of the account
 * server gets tokens with the same issuer, key and user), so only tokens that Latchkey marked count as sessions.
 */
export function ownIssuer(options: ExternalIssuer): ExternalIssuer {
  const { requiredClaims = [], authorizedParties = [], clients = authorizedParties, isAccount = () => true } = options
  return {
    ...options,
    clients,
    requiredClaims: [...new Set([...requiredClaims, MODE_CLAIM])],
    isAccount: (claims) => MODES.includes(claims[MODE_CLAIM]) && isAccount(claims),
  }
}

/**
 * Validates the options of one issuer.
 *
 * @throws {TypeError} an option is invalid
 */
export function readIssuer(given: ExternalIssuer, clock: () => number): IssuerRules {
  const isOwn = saysOwn(given)
  const options = isOwn ? ownIssuer(given) : given
  const { principal = 'sub', aliases = false, allowMissingParty = false, isAccount = () => true, type } = options
  const { clients = 'any', requiredClaims = [] } = options
  const issuers = readTexts('issuer', options.issuer)
  if (issuers.includes(LOCAL_FIRST_ISSUER))
    throw new TypeError('external.issuer: this name is reserved for device keys')
  if (!['sub', 'namespaced'].includes(principal as string) && typeof principal !== 'function')
    throw new TypeError('external.principal: expected sub, namespaced or a function')
  for (const [name, value] of Object.entries({ aliases, allowMissingParty }))
    if (typeof value !== 'boolean') throw new TypeError(`external.${name}: expected true or false`)
  if (aliases && principal !== 'sub') throw new TypeError('external.aliases: not allowed for a namespaced issuer')
  const { keys, algorithms } = readKeys(options, clock)
  return {
    issuers,
    keys,
    algorithms,
    audience: options.audience === undefined ? undefined : readTexts('audience', options.audience),
    parties: options.authorizedParties && readTexts('authorizedParties', options.authorizedParties),
    allowMissingParty,
    types: type === undefined ? DEFAULT_TYPES : readTexts('type', type).map(normalizeType),
    clients: clients === 'any' ? clients : readClients(clients),
    requiredClaims: ['exp', 'sub', ...requiredClaims],
    isAccount,
    principal,
    aliases,
    isOwn,
    lookup: options.lookup,
    lookupSession: options.lookupSession,
    clockTolerance: readNumber('clockTolerance', options.clockTolerance ?? 0, 0, 300),
  }
}

/** Logout tokens, security events and DPoP proofs share the issuer and key with sessions, but have another type. */
const DEFAULT_TYPES: readonly (string | null)[] = [null, 'jwt', 'at+jwt']

/** RFC 7515 §4.1.9: media types compare without case, and `application/` may be left out. */
export function normalizeType(type: string): string {
  return type.toLowerCase().replace(/^application\//, '')
}

/** An empty list is valid: it accepts no OAuth client. */
function readClients(clients: readonly string[]): readonly string[] {
  return clients.length === 0 ? clients : readTexts('clients', clients)
}

/** An empty string or list would silently disable the check. */
function readTexts(name: string, value: string | readonly string[]): readonly [string, ...string[]] {
  const texts: readonly unknown[] = [value].flat()
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string' && text !== ''))
    throw new TypeError(`external.${name}: expected a non-empty string`)
  return texts as [string, ...string[]]
}

function readNumber(name: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most))
    throw new TypeError(`external.${name}: expected a number from ${least} to ${most}`)
  return value
}

const KEY_OPTIONS = ['jwksUrl', 'certificatesUrl', 'publicKey'] as const

function readKeys(options: ExternalIssuer, clock: () => number): Pick<IssuerRules, 'keys' | 'algorithms'> {
  const { algorithms = ALGORITHMS, publicKey, jwksUrl, certificatesUrl } = options
  const stray = algorithms.find((name) => !ALGORITHMS.includes(name))
  if (stray !== undefined || algorithms.length === 0)
    throw new TypeError(`external.algorithms: expected asymmetric algorithms such as RS256`)
  if (KEY_OPTIONS.filter((name) => options[name] !== undefined).length !== 1)
    throw new TypeError('external: expected exactly one of jwksUrl, certificatesUrl and publicKey')
  if (publicKey !== undefined) return readOneKey(publicKey, algorithms)
  const fetch: KeyFetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const timeout = readNumber('timeout', options.timeout ?? 5000, 1, 30_000)
  const [url, read] =
    jwksUrl === undefined
      ? [readUrl('certificatesUrl', certificatesUrl!), readCertificates]
      : [readUrl('jwksUrl', jwksUrl), readJwks]
  return { algorithms, keys: remoteKeys({ url, read, fetch, timeout, clock }) }
}

function readOneKey(
  publicKey: NonNullable<ExternalIssuer['publicKey']>,
  algorithms: readonly string[],
): Pick<IssuerRules, 'keys' | 'algorithms'> {
  try {
    const jwk = readStaticKey(publicKey)
    const fitting = algorithms.filter((name) => algorithmsOf(jwk as Readonly<Record<string, unknown>>).includes(name))
    if (fitting.length === 0) throw new TypeError('the key matches none of the algorithms')
    return { keys: staticKeys(jwk), algorithms: fitting }
  } catch (error) {
    throw new TypeError(`external.publicKey: ${(error as Error).message}`, { cause: error })
  }
}

function readUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new TypeError(`external.${name}: expected an http(s) URL`)
  if (url.username || url.password) throw new TypeError(`external.${name}: expected a URL without a password`)
  return url.href
}
