import type { AuthContext, DBAdapter } from 'better-auth'
import { type OptionNames, checkOptionNames, ownPrincipals, readRequest } from '../../lib/server-kit.ts'
import {
  type ExternalIssuer,
  type FindPrincipal,
  type ResolvableRequest,
  type Resolution,
  type SessionResolver,
  type SessionResolverOptions,
  createSessionResolver,
} from '../../lib/server.ts'
import { clientIdOf, isOwnClient, issuerOf } from './exchange.ts'
import { ownBaseURL } from './hooks/own-address.ts'
import { jwtOptionsOf } from './binding/signing-keys.ts'
import { hintAtBaseURL } from './hooks/base-url-hint.ts'
import { bindingStoreOf } from './binding/binding-store.ts'
import { type PrincipalStore, principalStore } from './binding/principal-store.ts'
import { statusOfSession } from './binding/sessions.ts'
import { sessionKey, statusCacheOf } from './binding/status-cache.ts'
import { type KeyStatus, statusOf, statusOfPrincipal } from './binding/status.ts'
import type { BetterAuthInstance } from './binding/types.ts'

/** Options of {@link createBetterAuthResolver}. */
export interface BetterAuthResolverOptions extends Pick<
  SessionResolverOptions,
  'backend' | 'cacheSize' | 'cookieSession' | 'onOutcome' | 'tokenHeader' | 'verifier'
> {
  /** `aud` of both kinds of token, one or several. Defaults to the origin of Better Auth's base URL. */
  readonly audience?: string | readonly string[]
  /** `deny` refuses local-first tokens, and tokens that the exchange issued for a device. Defaults to `allow`. */
  readonly localFirst?: 'allow' | 'deny'
  /** Other providers whose JWTs are accepted. Their accounts' principals are fixed as by the exchange. */
  readonly external?: readonly ExternalIssuer[]
  /** Whether requests without a credential are accepted as anonymous. Defaults to `allow`. */
  readonly anonymous?: 'allow' | 'deny'
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

const RESOLVER_OPTIONS: OptionNames<BetterAuthResolverOptions> = {
  backend: true,
  cacheSize: true,
  cookieSession: true,
  onOutcome: true,
  tokenHeader: true,
  verifier: true,
  audience: true,
  localFirst: true,
  external: true,
  anonymous: true,
  clock: true,
}

/**
 * Creates a session resolver for a backend in the same process as its Better Auth: it accepts local-first tokens and
 * the tokens of `latchkeyJwt` and of the exchange, reads the keys without a network, and refuses the device keys of
 * accounts that can be recovered without them, also in tokens that the exchange issued for a device. It refuses the
 * tokens of sessions that have ended. The status of a device key or a session is at most five seconds old, and never
 * older than a change made in this process.
 *
 * @param auth - the result of `betterAuth()`, with the plugins `latchkey` and `latchkeyJwt`
 * @throws {TypeError} an option is unknown; at the first request, an option is invalid
 */
export function createBetterAuthResolver(
  auth: BetterAuthInstance,
  options: BetterAuthResolverOptions = {},
): SessionResolver {
  checkOptionNames('', options, RESOLVER_OPTIONS)
  let building: Promise<SessionResolver> | undefined
  let resolver: SessionResolver | undefined
  return {
    tokenHeader: options.tokenHeader?.toLowerCase(),
    async resolve(request): Promise<Resolution> {
      resolver ??= await (building ??= build(auth, options))
      const resolution = await resolver.resolve(request)
      if (!resolution.ok && resolution.reason === 'TOKEN_AUDIENCE_MISMATCH') await hint(auth, options, request)
      return resolution
    },
  }
}

async function hint(
  { $context }: BetterAuthInstance,
  { audience, tokenHeader = 'authorization' }: BetterAuthResolverOptions,
  request: ResolvableRequest,
): Promise<void> {
  const context = (await $context) as unknown as AuthContext
  const token = readRequest(request).header(tokenHeader.toLowerCase())?.slice('Bearer '.length)
  hintAtBaseURL(context, token, audience ?? originOf(context))
}

async function build(
  { api, $context }: BetterAuthInstance,
  { audience, localFirst = 'allow', external = [], ...options }: BetterAuthResolverOptions,
): Promise<SessionResolver> {
  const context = (await $context) as unknown as AuthContext
  const { adapter } = context
  const clientId = clientIdOf(context)
  const own = audience ?? originOf(context)
  const cache = statusCacheOf(adapter)
  const store = (): PrincipalStore => principalStore(adapter, new Date(options.clock?.() ?? Date.now()))
  // A cached status is returned without a promise, so the resolver does not wait. The type is that of an app's lookup.
  const status = (key: string, look: () => Promise<KeyStatus>): Promise<KeyStatus> =>
    cache.get(key, look) as Promise<KeyStatus>
  const lookup = (principal: string, thumbprint: string): Promise<KeyStatus> =>
    status(`${principal}:${thumbprint}`, () => statusOf(store(), principal, thumbprint))
  const issuer: ExternalIssuer = {
    issuer: issuerOf(context),
    audience: own,
    aliases: true,
    clients: clientId === undefined ? [] : [clientId],
    isAccount: (claims) =>
      claims['is_anonymous'] !== true &&
      (localFirst === 'allow' || claims['auth_mode'] !== 'local-first') &&
      isOwnClient(claims),
    lookup: (principal) =>
      // No thumbprint is empty: the entries of keys differ from this one.
      status(`${principal}:`, () => statusOfPrincipal(store(), principal)),
    lookupSession: (sid, principal) => status(sessionKey(sid), () => statusOfSession(context, sid, principal)),
    ...keysOf(context, api),
  }
  const bindings = bindingStoreOf(adapter as DBAdapter, options.clock)
  const principal: FindPrincipal = (subject, issuer, claims) => ownPrincipals(bindings, { issuer, subject, claims })
  return createSessionResolver({
    ...options,
    ...(localFirst === 'allow' && { localFirst: { audience: own, lookup } }),
    external: [issuer, ...external.map((other) => ({ ...other, principal }))],
  })
}

function originOf({ baseURL }: AuthContext): string {
  if (!baseURL) throw new TypeError('createBetterAuthResolver: set baseURL, or the audience option')
  return new URL(baseURL).origin
}

interface KeyEndpoint {
  getJwks(input: { readonly request: Request; readonly headers: Headers; readonly asResponse: true }): Promise<Response>
}

/** Where another service signs, its address has the keys. */
function keysOf(context: AuthContext, api: object): Pick<ExternalIssuer, 'jwksUrl' | 'fetch'> {
  const { jwks } = jwtOptionsOf(context)
  if (jwks?.remoteUrl) return { jwksUrl: jwks.remoteUrl }
  return {
    jwksUrl: `${ownBaseURL(context)}${jwks?.jwksPath ?? '/jwks'}`,
    // Not by the handler, whose rate limit would count this server among the clients without an address.
    fetch: (url) =>
      (api as KeyEndpoint).getJwks({ request: new Request(url), headers: new Headers(), asResponse: true }),
  }
}
