import { isIPv4 } from 'node:net'
import { type ExternalIssuer, createSessionResolver } from '../../lib/server.ts'
import type { Settings } from './flags.ts'

/** The location of the database. */
export type Place =
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** The optional claims in the tokens of an account. */
export const TOKEN_CLAIMS = ['email', 'email_verified', 'name'] as const

/** One of {@link TOKEN_CLAIMS}. */
export type TokenClaim = (typeof TOKEN_CLAIMS)[number]

/** The configuration of a server. */
export interface Configuration {
  readonly production: boolean
  readonly port: number
  readonly host: string
  /** Origin that clients use; null: `http://localhost` with the actual port. */
  readonly origin: string | null
  readonly place: Place
  /** Null: the database is used instead. */
  readonly redis: string | null
  /** Null: generated at the first start and stored in the folder. */
  readonly secret: string | null
  readonly allowLocalFirst: boolean
  /** Empty: defaults to the origin. */
  readonly audiences: readonly string[]
  readonly tokenClaims: readonly TokenClaim[]
  readonly trustedOrigins: readonly string[]
  readonly external: ExternalIssuer | null
  /** The first one is current; a second one is accepted during a rotation. */
  readonly backendSecrets: readonly string[]
  readonly adminSecret: string | null
  /** Seconds between key rotations; null: no rotation. */
  readonly keyLifetime: number | null
  readonly proxyHeader: string | null
}

/** Where the development servers of Vite, Next, Angular and others listen. */
const DEVELOPMENT_ORIGINS: readonly string[] = ['5173', '3000', '4200', '8080'].flatMap((port) => [
  `http://localhost:${port}`,
  `http://127.0.0.1:${port}`,
])

/** A problem that prevents a start, or a warning. */
export interface Finding {
  readonly level: 'problem' | 'warning'
  /** The flag concerned. */
  readonly flag: string
  /** One sentence, without any secret. */
  readonly message: string
}

/** A configuration and its findings. */
export interface ReadConfiguration {
  readonly configuration: Configuration
  readonly findings: readonly Finding[]
}

/**
 * Parses and validates the settings.
 *
 * @param production - true rejects development defaults
 */
export function readConfiguration(settings: Settings, production: boolean): ReadConfiguration {
  const findings: Finding[] = []
  const problem = (flag: string, message: string): void => void findings.push({ level: 'problem', flag, message })
  const warning = (flag: string, message: string): void => void findings.push({ level: 'warning', flag, message })
  const report = { problem, warning, production }
  const named = settings.list('trusted-origin')
  const trustedOrigins = (named.length > 0 || production ? named : DEVELOPMENT_ORIGINS)
    .map((origin) => checkOrigin('trusted-origin', origin, report))
    .filter((origin) => origin !== null)
  const configuration: Configuration = {
    production,
    port: readPort(settings.text('port'), report),
    host: settings.text('host') ?? '127.0.0.1',
    origin: readOrigin(settings.text('base-url'), report),
    place: readPlace(settings, report),
    redis: readRedis(settings.text('redis'), report),
    secret: readSecret('secret', settings, report, production),
    allowLocalFirst: readLocalFirst(settings, report),
    audiences: settings.list('audience'),
    tokenClaims: readTokenClaims(settings.list('token-claim'), report),
    trustedOrigins,
    external: readExternal(settings, report),
    backendSecrets: readBackendSecrets(settings, report),
    adminSecret: readSecret('admin-secret', settings, report, false),
    keyLifetime: readDays(settings.text('rotate-keys'), report),
    proxyHeader: readHeaderName(settings.text('proxy-header'), report),
  }
  checkDistinct(configuration, report)
  checkAddresses(configuration, report)
  return { configuration, findings }
}

interface Report {
  readonly production: boolean
  problem(flag: string, message: string): void
  warning(flag: string, message: string): void
}

const DEFAULT_PORT = 4380

function readPort(text: string | undefined, { problem }: Report): number {
  if (text === undefined) return DEFAULT_PORT
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  problem('port', 'expected a number from 0 to 65535.')
  return DEFAULT_PORT
}

function readOrigin(text: string | undefined, report: Report): string | null {
  if (text === undefined) {
    if (report.production) report.problem('base-url', 'production requires the public origin of the server.')
    return null
  }
  return checkOrigin('base-url', text, report)
}

/**
 * Exactly an origin: a path or a wildcard would trust more, or less, than it seems to.
 *
 * @returns the origin as browsers write it; null if it is none
 */
function checkOrigin(flag: string, text: string, { problem, warning, production }: Report): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (text === '*' || text.includes('*')) problem(flag, 'a wildcard would let every site act for signed-in users.')
  else if (!url || !/^https?:$/.test(url.protocol))
    problem(flag, 'expected an http(s) origin such as https://notes.example.')
  else if (url.origin !== text.replace(/\/$/, ''))
    problem(flag, `expected an origin without user, path, query or default port: ${url.origin}.`)
  else if (production && url.protocol === 'http:' && !isLoopback(url.hostname))
    warning(flag, 'http without TLS: anyone on the network can read cookies and tokens.')
  return url?.origin ?? null
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
  )
}

function readPlace(settings: Settings, { problem, warning, production }: Report): Place {
  const url = settings.text('database')
  const folder = settings.text('data-dir')
  if (url !== undefined && folder !== undefined)
    problem('database', 'expected --database or --data-dir, but both are set.')
  if (url !== undefined) {
    if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) problem('database', 'expected a postgres:// URL.')
    else if (hasBarePercent(url)) problem('database', BARE_PERCENT)
    else if (production && !isLoopback(new URL(url).hostname) && !/sslmode=(require|verify-)/.test(url))
      warning('database', 'without sslmode=verify-full, data and password cross the network unencrypted.')
    return { kind: 'postgres', url }
  }
  if (folder === undefined && production) problem('data-dir', 'production requires --data-dir or --database.')
  return { kind: 'sqlite', folder: folder ?? '.latchkey' }
}

const BARE_PERCENT = 'not a valid URL. Write the % in its user or password as %25.'

/** RFC 3986, section 2.4. Drivers reject it, or take it for something else. */
function hasBarePercent(url: string): boolean {
  const { username, password } = new URL(url)
  try {
    decodeURIComponent(username + password)
    return false
  } catch {
    return true
  }
}

function readRedis(url: string | undefined, { problem, warning, production }: Report): string | null {
  if (url === undefined) return null
  const isAddress = /^rediss?:\/\//.test(url) && URL.canParse(url)
  if (!isAddress) problem('redis', 'expected a redis:// or rediss:// URL.')
  else if (hasBarePercent(url)) problem('redis', BARE_PERCENT)
  else if (production && url.startsWith('redis:') && !isLoopback(new URL(url).hostname))
    warning('redis', 'without TLS, anyone on the network can read the password. Use rediss://.')
  return isAddress ? url : null
}

function readTokenClaims(names: readonly string[], { problem }: Report): readonly TokenClaim[] {
  const isKnown = (name: string): name is TokenClaim => (TOKEN_CLAIMS as readonly string[]).includes(name)
  if (!names.every(isKnown)) problem('token-claim', `expected ${TOKEN_CLAIMS.join(', ')}.`)
  return names.filter(isKnown)
}

const SECRET = /^[!-~]{32,1024}$/

function readSecret(flag: string, settings: Settings, { problem }: Report, isNeeded: boolean): string | null {
  const secret = settings.text(flag)
  if (secret === undefined) {
    if (isNeeded) problem(flag, 'production requires its own secret. Generate one with `openssl rand -base64 32`.')
    return null
  }
  if (!SECRET.test(secret)) problem(flag, 'expected 32 to 1024 visible ASCII characters.')
  else if (new Set(secret).size < 8 || /secret|password|changeme|example|placeholder/i.test(secret))
    problem(flag, 'this secret can be guessed. Generate one with `openssl rand -base64 32`.')
  return secret
}

function readBackendSecrets(settings: Settings, report: Report): readonly string[] {
  const [present, old] = ['backend-secret', 'old-backend-secret'].map((flag) =>
    readSecret(flag, settings, report, false),
  )
  if (old !== null && present === null)
    report.problem('old-backend-secret', 'requires --backend-secret, the secret that replaces it.')
  return [present, old].filter((secret) => typeof secret === 'string')
}

function readDays(text: string | undefined, { problem }: Report): number | null {
  if (text === undefined) return null
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 365) return Number(text) * 86_400
  problem('rotate-keys', 'expected a number of days from 1 to 365.')
  return null
}

function checkDistinct({ secret, backendSecrets, adminSecret }: Configuration, { problem }: Report): void {
  const given = [secret, ...backendSecrets, adminSecret].filter((text) => text !== null)
  if (new Set(given).size !== given.length)
    problem('admin-secret', 'the same secret is used for two purposes. Use a different secret for each.')
}

/** The server itself has no TLS: in production, https means a proxy. */
function checkAddresses({ production, origin, proxyHeader }: Configuration, { warning }: Report): void {
  if (production && origin?.startsWith('https:') && proxyHeader === null)
    warning(
      'proxy-header',
      'without it, all clients behind the proxy share one rate limit, and one of them can lock out the others.',
    )
}

function readLocalFirst(settings: Settings, { problem, production }: Report): boolean {
  const isOn = settings.isOn('allow-local-first')
  if (isOn === undefined && production && settings.command === 'dev')
    problem('allow-local-first', 'must be set explicitly in production.')
  return isOn ?? !production
}

function readExternal(settings: Settings, { problem, warning }: Report): ExternalIssuer | null {
  const [jwksUrl, publicKey, issuer] = [
    settings.text('jwks-url'),
    settings.text('jwt-public-key'),
    settings.text('jwt-issuer'),
  ]
  const audience = settings.list('jwt-audience')
  if (jwksUrl === undefined && publicKey === undefined) {
    if (issuer !== undefined || audience.length > 0) problem('jwt-issuer', 'requires --jwks-url or --jwt-public-key.')
    return null
  }
  if (jwksUrl !== undefined && publicKey !== undefined)
    problem('jwks-url', 'expected --jwks-url or --jwt-public-key, but both are set.')
  if (issuer === undefined) problem('jwt-issuer', 'required: the `iss` of the other provider.')
  if (audience.length === 0)
    warning('jwt-audience', 'without it, every token of the provider is accepted, including tokens for other apps.')
  const rules: ExternalIssuer = {
    issuer: issuer ?? 'https://unknown.invalid',
    ...(jwksUrl === undefined ? { publicKey: publicKey! } : { jwksUrl }),
    ...(audience.length > 0 && { audience }),
  }
  return isUsable(rules, problem) ? rules : null
}

function isUsable(rules: ExternalIssuer, problem: Report['problem']): boolean {
  try {
    createSessionResolver({ external: rules })
    return true
  } catch (error) {
    const isKey = rules.publicKey !== undefined
    problem(
      isKey ? 'jwt-public-key' : 'jwks-url',
      isKey ? aboutKey(rules.publicKey as string, error as Error) : `${(error as Error).message}.`,
    )
    return false
  }
}

/** Some verifiers would use a text that is not a public key as an HMAC secret. */
function aboutKey(key: string, { message }: Error): string {
  const isText = !/-----BEGIN|^\s*\{/.test(key)
  return isText
    ? 'not a PEM or JWK. A lenient verifier would use this text as an HMAC secret, ' +
        'and anyone who knows it could sign tokens.'
    : `${message}.`
}

function readHeaderName(name: string | undefined, { problem }: Report): string | null {
  if (name !== undefined && !/^[a-z][a-z-]{0,63}$/i.test(name))
    problem('proxy-header', 'expected a header name such as x-forwarded-for.')
  if (name?.toLowerCase() === 'forwarded')
    problem('proxy-header', 'Forwarded (RFC 7239) is not read. Let the proxy send x-forwarded-for.')
  return name?.toLowerCase() ?? null
}
