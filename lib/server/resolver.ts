import { type Awaitable, isPromise, whenReady } from '../awaitable.ts'
import { type LatchkeyErrorCode, LatchkeyError, isLatchkeyError } from '../errors.ts'
import { LOCAL_FIRST_ISSUER, TOKEN_TYPE } from '../tokens/claims.ts'
import { type DecodedJws, decodeJws } from '../tokens/decode.ts'
import { type BackendOptions, createBackendSource } from './sources/backend.ts'
import { type CookieSessionOptions, createCookieSource } from './sources/cookie.ts'
import type { ExternalIssuer } from './external/options.ts'
import { MAX_EXTERNAL_TOKEN_CHARACTERS, createExternalVerifiers } from './external/verifier.ts'
import { hasPrincipalForm } from '../identity/principal.ts'
import { type LocalFirstOptions, createLocalFirstSource } from './sources/local-first.ts'
import { type ProfileVerifier, type TokenProfile, openProfiles } from './sources/token-profile.ts'
import { type OptionNames, checkOptionNames } from '../option-names.ts'
import { type IncomingRequest, readRequest } from './request.ts'
import { refusal } from './response.ts'
import { ANONYMOUS, ownedSession } from './session.ts'
import { readTokenHeader } from './token-header.ts'
import type { Resolution, ServerSession, SessionResolver, SessionSource } from './types.ts'
import { type Outcome, outcomeOf } from './outcomes.ts'

/** Options of {@link createSessionResolver}. Every source is off by default. */
export interface SessionResolverOptions {
  /** Lets a backend that knows the secret impersonate any principal. */
  readonly backend?: BackendOptions
  /** Accepts local-first tokens. Without it they are refused as `disabled`. */
  readonly localFirst?: LocalFirstOptions
  /** Accepts further kinds of token that devices sign, for example `jazzTokens` of `latchkey/jazz/server`. */
  readonly profiles?: readonly TokenProfile[]
  /** Accepts the JWTs of one or more account providers. */
  readonly external?: ExternalIssuer | readonly ExternalIssuer[]
  /**
   * Accepts a session cookie, from requests without an Authorization header. It does not count where `auth.fetch` has
   * no token, which sends the header `x-latchkey-anonymous` then.
   */
  readonly cookieSession?: CookieSessionOptions
  /**
   * The header that carries tokens, in the form of RFC 6750: `Bearer`, a space, the token. Defaults to `Authorization`;
   * another name leaves that one to a gateway in front. CORS has to allow it.
   */
  readonly tokenHeader?: string
  /** Whether requests without a credential are accepted as anonymous. Defaults to `allow`. */
  readonly anonymous?: 'allow' | 'deny'
  /**
   * Largest number of cached tokens, for device keys and for each issuer, and of cached device public keys. Defaults to
   * 10 000; 0 turns caching off. Expiry and the issuer's key are checked on every use.
   */
  readonly cacheSize?: number
  /**
   * `native` verifies local-first tokens with the package `sodium-native`, about twice as fast as node:crypto. External
   * tokens are not affected.
   */
  readonly verifier?: 'native'
  /** Called with the outcome of each request. It must not throw. */
  readonly onOutcome?: (outcome: Outcome) => void
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

const RESOLVER_OPTIONS: OptionNames<SessionResolverOptions> = {
  backend: true,
  localFirst: true,
  profiles: true,
  external: true,
  cookieSession: true,
  tokenHeader: true,
  anonymous: true,
  cacheSize: true,
  verifier: true,
  onOutcome: true,
  clock: true,
}

/** The one source that judges a request. It returns null if the request has no credential after all. */
interface Route {
  readonly source: SessionSource
  judge(): Awaitable<ServerSession | null>
}

/**
 * Creates the resolver, which determines the session of each request. Exactly one source judges a request, the first of
 * these that applies: the headers of an impersonating backend, the Authorization header (an external JWT, a local-first
 * token or a token of a profile), a session cookie, anonymous. A token is routed once, by its own header and claims,
 * and never tried as another kind.
 *
 * @throws {LatchkeyError} `VERIFIER_UNAVAILABLE`: `sodium-native` is not installed
 * @throws {TypeError} an option is unknown or invalid; `localFirst` has neither `lookup` nor `afterUpgrade: 'allow'`
 */
export function createSessionResolver(options: SessionResolverOptions): SessionResolver {
  checkOptionNames('', options, RESOLVER_OPTIONS)
  const { anonymous = 'allow', onOutcome } = options
  const tokenHeader = readTokenHeader(options.tokenHeader)
  const routeOf = createRouter(options, tokenHeader)
  return {
    tokenHeader,
    async resolve(request) {
      const settled = settle(routeOf(readRequest(request)), anonymous)
      const resolution = isPromise(settled) ? await settled : settled
      onOutcome?.(outcomeOf(resolution))
      return resolution
    },
  }
}

function settle({ source, judge }: Route, anonymous: 'allow' | 'deny'): Awaitable<Resolution> {
  const accept = (session: ServerSession | null): Resolution => accepted(session, source, anonymous)
  const refuse = (error: unknown): Resolution => refusal(codeOf(error), source)
  try {
    const session = judge()
    return isPromise(session) ? session.then(accept, refuse) : accept(session)
  } catch (error) {
    return refuse(error)
  }
}

function accepted(session: ServerSession | null, source: SessionSource, anonymous: 'allow' | 'deny'): Resolution {
  if (session) return { ok: true, session, source }
  return anonymous === 'allow'
    ? { ok: true, session: ANONYMOUS, source: 'none' }
    : refusal('CREDENTIAL_MISSING', 'none')
}

/** A server fault says nothing about the credential, so it is rethrown. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (isLatchkeyError(error)) return error.code
  throw error
}

const NOBODY: Route = { source: 'none', judge: () => null }

function createRouter(options: SessionResolverOptions, tokenHeader: string): (request: IncomingRequest) => Route {
  const { clock = Date.now } = options
  if (options.anonymous !== undefined && options.anonymous !== 'allow' && options.anonymous !== 'deny')
    throw new TypeError('anonymous: expected allow or deny')
  const backend = createBackendSource(options.backend)
  const cookie = options.cookieSession && createCookieSource(options.cookieSession)
  const tokens = createTokenRouter(options, clock)
  return (request) => {
    if (backend.isAttempt(request)) return { source: 'backend', judge: () => backend.read(request) }
    const authorization = request.header(tokenHeader)
    if (authorization !== null && !isOfOtherScheme(authorization)) return routeBearer(authorization, tokens)
    return cookie?.isPresent(request) ? { source: 'cookie', judge: () => cookie.read(request) } : NOBODY
  }
}

/**
 * Credentials of another scheme (RFC 9110 §11.4), such as a gateway's Basic, are not for this server. A Bearer among
 * them is one that cannot be read, and so is a text without a scheme.
 */
function isOfOtherScheme(authorization: string): boolean {
  // Nearly every header is a Bearer token, and for these this is the cheapest answer.
  if (authorization.startsWith(USUAL_PREFIX)) return false
  return /^[a-z][a-z\d-]* +\S/i.test(authorization) && !/(^|,)\s*bearer(?![\w-])/i.test(authorization)
}

const USUAL_PREFIX = 'Bearer '

/** RFC 6750 §2.1. */
const BEARER = /^Bearer +[\w.~+/=-]+$/i

function routeBearer(authorization: string, tokens: TokenRouter): Route {
  // A known token is compared whole, so its form is known too.
  const known = authorization.startsWith(USUAL_PREFIX) && tokens.recall(authorization.slice(USUAL_PREFIX.length))
  if (known) return known
  if (!BEARER.test(authorization)) return refuse('bearer', 'CREDENTIAL_MALFORMED')
  try {
    return tokens.route(authorization.slice(authorization.lastIndexOf(' ') + 1))
  } catch (error) {
    return refuse('bearer', codeOf(error))
  }
}

function refuse(source: SessionSource, code: LatchkeyErrorCode): Route {
  return {
    source,
    judge() {
      throw new LatchkeyError(code)
    },
  }
}

interface TokenRouter {
  /** Returns the route of a token that was verified before; undefined if this exact one was not. */
  recall(token: string): Route | undefined
  /** @throws {LatchkeyError} the token cannot be decoded */
  route(token: string): Route
}

function createTokenRouter(options: SessionResolverOptions, clock: () => number): TokenRouter {
  const { cacheSize = 10_000 } = options
  if (!(cacheSize >= 0)) throw new TypeError('cacheSize: expected a number, 0 or more')
  const device = options.localFirst && createLocalFirstSource(options.localFirst, clock, cacheSize, options.verifier)
  const { profiles: given = [] } = options
  const profiles = openProfiles(given, { clock, cacheSize })
  const eachProfile = [...new Set(profiles.values())]
  const forms = [...(device ? [hasPrincipalForm] : []), ...given.map(({ isPrincipal }) => isPrincipal)]
  const isDevice = (subject: string): boolean => forms.some((hasForm) => hasForm(subject))
  const verifiers = createExternalVerifiers(options.external ?? [], clock, cacheSize, isDevice)
  if ([...verifiers.keys()].some((issuer) => profiles.has(issuer)))
    throw new TypeError('external: this issuer belongs to a profile')
  const each = [...new Set(verifiers.values())]
  const localFirst = (token: string, jws?: DecodedJws): Route =>
    device
      ? { source: 'local-first', judge: () => device.verify(token, jws) }
      : refuse('local-first', 'LOCAL_FIRST_DISABLED')
  return {
    recall(token) {
      if (device?.isKnown(token)) return localFirst(token)
      const profile = eachProfile.find((verifier) => verifier.isKnown(token))
      if (profile) return { source: 'local-first', judge: () => judgeProfile(profile, token) }
      const external = each.find((verifier) => verifier.isKnown(token))
      return external && { source: 'external', judge: () => external.verify(token) }
    },
    route(token) {
      if (token.startsWith(LOCAL_FIRST_HEADER)) return localFirst(token)
      const jws = decodeJws(token, MAX_EXTERNAL_TOKEN_CHARACTERS)
      const { header, claims } = jws
      if (header['typ'] === TOKEN_TYPE || claims['iss'] === LOCAL_FIRST_ISSUER) return localFirst(token, jws)
      const profile = profiles.get(claims['iss'])
      if (profile) return { source: 'local-first', judge: () => judgeProfile(profile, token, jws) }
      const external = verifiers.get(claims['iss'])
      return external
        ? { source: 'external', judge: () => external.verify(token, jws) }
        : refuse('bearer', 'ISSUER_UNKNOWN')
    },
  }
}

function judgeProfile(profile: ProfileVerifier, token: string, jws?: DecodedJws): Awaitable<ServerSession | null> {
  return whenReady(
    profile.verify(token, jws),
    (found) => found && ownedSession('local-first', found.principal, [], found.claims),
  )
}

/** The header of a usual local-first token, so that it can be routed without being parsed. */
const LOCAL_FIRST_HEADER = `${btoa(`{"alg":"EdDSA","typ":"${TOKEN_TYPE}"}`).replaceAll('=', '')}.`
