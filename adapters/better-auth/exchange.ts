import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { signJWT } from 'better-auth/plugins'
import type { ExternalIssuer } from '../../lib/server.ts'
import { type PrincipalsTag, createPrincipalsTag } from '../../lib/server-kit.ts'
import { jwtOptionsOf, keyFor } from './signing-keys.ts'

/** Longest lifetime of an exchanged token, in seconds. */
const LONGEST = 900

/** The subject of an exchanged token. */
export interface ExchangedSubject {
  /** `sub`. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** `local-first` for a device's own identity, `external` for an account. */
  readonly authMode: 'local-first' | 'external'
  /** The Better Auth user id; null for a device, and for an account of another provider. */
  readonly accountId: string | null
  /** `act.sub`: the principal of the admin who impersonates the user; null if there is none. */
  readonly actor: string | null
  /** The other provider and its `sub`, if the request used its token. */
  readonly external: { readonly issuer: string; readonly subject: string } | null
  /** `aud`. */
  readonly audience: string
}

/** Options of `POST /latchkey/token`. */
export interface ExchangeOptions {
  /** The `aud` values that this server issues tokens for. */
  readonly audiences: readonly string[]
  /** Lifetime in seconds, at most 900. Defaults to 900. */
  readonly lifetime?: number
  /**
   * Signature algorithm: one of the `jwt` plugin's key pairs. Defaults to that of its `jwks.keyPairConfig`, or EdDSA.
   */
  readonly algorithm?: 'RS256' | 'ES256' | 'EdDSA'
  /**
   * `typ` of the tokens' header. `JWT` is for consumers that take `at+jwt` for no token; only `aud` then tells an
   * exchanged token from a session's own. Defaults to `at+jwt` (RFC 9068 §2.1).
   */
  readonly type?: 'at+jwt' | 'JWT'
  /**
   * `client_id` of the tokens, which strict verifiers of RFC 9068 require: a name for your app, and not the id of one of
   * your OAuth clients. Defaults to none.
   */
  readonly clientId?: string
  /**
   * `false` serves no `/.well-known/oauth-authorization-server`, which belongs to an OAuth provider on the same server.
   * Defaults to `true`.
   */
  readonly metadata?: boolean
  /** Other providers whose JWTs are accepted. */
  readonly issuers?: readonly ExternalIssuer[]
  /** `false` issues no tokens for devices without an account. Defaults to `true`. */
  readonly localFirst?: boolean
  /** Returns further claims. They never replace Latchkey's own claims. */
  readonly claims?: (
    subject: ExchangedSubject,
  ) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>
  /**
   * Largest number of tokens that one process issues per minute, for all callers: as many for devices without an
   * account, and as many for accounts. Defaults to 6000.
   */
  readonly limit?: number
}

/** The validated {@link ExchangeOptions}. */
export interface ExchangeRules extends ExchangeOptions {
  readonly lifetime: number
  readonly limit: number
  readonly type: 'at+jwt' | 'JWT'
  readonly issuers: readonly ExternalIssuer[]
  /** Computes `principals_tag`. */
  readonly tag: PrincipalsTag
}

/**
 * Validates the options.
 *
 * @throws {TypeError} an option is invalid
 */
export function readExchange(options: ExchangeOptions, auth: AuthContext): ExchangeRules {
  const { audiences, lifetime = LONGEST, limit = 6000, issuers = [], type = 'at+jwt', clientId } = options
  if (audiences.length === 0 || audiences.some((audience) => typeof audience !== 'string' || audience === ''))
    throw new TypeError('exchange.audiences: expected non-empty strings')
  if (!(Number.isInteger(lifetime) && lifetime >= 1 && lifetime <= LONGEST))
    throw new TypeError(`exchange.lifetime: expected 1 to ${LONGEST} seconds`)
  if (!(limit >= 1)) throw new TypeError('exchange.limit: expected a number, 1 or more')
  if (type !== 'at+jwt' && type !== 'JWT') throw new TypeError('exchange.type: expected at+jwt or JWT')
  if (clientId !== undefined && (typeof clientId !== 'string' || clientId === ''))
    throw new TypeError('exchange.clientId: expected a non-empty string')
  if (![undefined, true, false].includes(options.metadata))
    throw new TypeError('exchange.metadata: expected true or false')
  if (!auth.options.plugins?.some(({ id }) => id === 'jwt'))
    throw new TypeError('exchange: needs the plugin latchkeyJwt')
  if (!auth.baseURL && !jwtOptionsOf(auth).jwt?.issuer)
    throw new TypeError('exchange: set baseURL, or jwt.issuer of latchkeyJwt')
  return { ...options, lifetime, limit, issuers, type, tag: createPrincipalsTag(auth.secret) }
}

/** Returns the `iss` of every token that this server signs. */
export function issuerOf(context: AuthContext): string {
  return jwtOptionsOf(context).jwt?.issuer ?? new URL(context.baseURL).origin
}

/** Returns the `client_id` of the tokens that this server's exchange issues, if it has one. */
export function clientIdOf({ getPlugin }: Pick<AuthContext, 'getPlugin'>): string | undefined {
  const { options } = (getPlugin('latchkey') ?? {}) as { options?: { exchange?: ExchangeOptions } }
  return options?.exchange?.clientId
}

/**
 * Returns true if a token names no client, or the exchange put the name into it: OAuth clients of this server get
 * tokens with the same key and issuer, and may have the same id.
 */
export function isOwnClient(claims: Readonly<Record<string, unknown>>): boolean {
  const { client_id: id, azp, scope, scp, principals_tag: tag } = claims
  return [azp, scope, scp].every((claim) => claim === undefined) && (id === undefined || typeof tag === 'string')
}

/** The content of a token to be signed. */
export interface Issue {
  readonly subject: ExchangedSubject
  /** In seconds since 1970; the token does not expire later. */
  readonly until: number
  /** In seconds since 1970. */
  readonly now: number
}

/** By these, verifiers take a token for another kind of token, or for somebody else's. */
const RESERVED: readonly string[] = [
  'client_id',
  'azp',
  'scope',
  'scp',
  'act',
  'may_act',
  'cnf',
  'is_anonymous',
  'sub_jwk',
  'delegation',
]

/**
 * Signs a token with the server's own key.
 *
 * @returns the token, and its lifetime in seconds
 */
export async function issueToken(
  ctx: GenericEndpointContext,
  rules: ExchangeRules,
  { subject, until, now }: Issue,
): Promise<{ token: string; expiresIn: number }> {
  const iat = Math.floor(now)
  const exp = Math.min(iat + rules.lifetime, Math.floor(until))
  const more = await rules.claims?.(subject)
  const reserved = Object.keys(more ?? {}).find((name) => RESERVED.includes(name))
  if (reserved !== undefined) throw new TypeError(`exchange.claims: ${reserved} is reserved`)
  const payload = {
    ...more,
    iss: issuerOf(ctx.context),
    sub: subject.principal,
    aud: subject.audience,
    iat,
    exp,
    nbf: undefined,
    jti: crypto.randomUUID(),
    auth_mode: subject.authMode,
    aliases: subject.aliases,
    principals_tag: await rules.tag(subject.principal, subject.aliases),
    ...(rules.clientId !== undefined && { client_id: rules.clientId }),
    // RFC 8693 §4.1: an admin acts as the user.
    ...(subject.actor !== null && { act: { sub: subject.actor } }),
  }
  const options = jwtOptionsOf(ctx.context)
  const resolvedKey = await keyFor(ctx, options, rules.algorithm)
  const token = await signJWT(ctx, {
    options,
    payload,
    header: { typ: rules.type },
    ...(resolvedKey && { resolvedKey }),
    ...(rules.algorithm && { signingAlgorithm: rules.algorithm }),
  })
  return { token, expiresIn: exp - iat }
}
