import type { AuthContext, GenericEndpointContext } from 'better-auth'
import type { JwtOptions } from 'better-auth/plugins'
import { resolveSigningKey, signJWT } from 'better-auth/plugins'
import type { ExternalIssuer } from '../../lib/server.ts'
import { type PrincipalsTag, createPrincipalsTag } from '../../lib/server-kit.ts'

/** Longest lifetime of an exchanged token, in seconds. */
const LONGEST = 900

/** Who a token is to be for. */
export interface ExchangedSubject {
  /** `sub`. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** A device's own identity, or an account. */
  readonly authMode: 'local-first' | 'external'
  /** The user of Better Auth; null for a device, and for an account of another provider. */
  readonly accountId: string | null
  /** The other provider and its `sub`, where the token came from one. */
  readonly external: { readonly issuer: string; readonly subject: string } | null
  /** `aud`. */
  readonly audience: string
}

/** Options of `POST /latchkey/token`. */
export interface ExchangeOptions {
  /** Who tokens may be for: the `aud` values that this server issues. */
  readonly audiences: readonly string[]
  /** Seconds, at most 900, which it is unless told. */
  readonly lifetime?: number
  /** Signs with the key of this algorithm; one of the `jwt` plugin's key pairs, its first one unless told. */
  readonly algorithm?: 'RS256' | 'ES256' | 'EdDSA'
  /** Other providers whose JWTs are taken. */
  readonly issuers?: readonly ExternalIssuer[]
  /** `false` gives nothing to a device without an account; `true` unless told. */
  readonly localFirst?: boolean
  /**
   * Further claims. What it returns never replaces a claim of Latchkey's own; names that say for whom else a token is
   * (`client_id`, `azp`, `scope`, `act`, `cnf` …) are reserved, and no token is issued with them.
   */
  readonly claims?: (
    subject: ExchangedSubject,
  ) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>
  /** Tokens a minute that one process issues at most, whoever asks; 6000 unless told. */
  readonly limit?: number
}

/** {@link ExchangeOptions}, checked. */
export interface ExchangeRules extends ExchangeOptions {
  readonly lifetime: number
  readonly limit: number
  readonly issuers: readonly ExternalIssuer[]
  /** Computes `principals_tag`. */
  readonly tag: PrincipalsTag
}

/** @throws {TypeError} an option cannot be meant */
export function readExchange(options: ExchangeOptions, auth: AuthContext): ExchangeRules {
  const { audiences, lifetime = LONGEST, limit = 6000, issuers = [] } = options
  if (audiences.length === 0 || audiences.some((audience) => typeof audience !== 'string' || audience === ''))
    throw new TypeError('exchange.audiences: expected texts that are not empty')
  if (!(Number.isInteger(lifetime) && lifetime >= 1 && lifetime <= LONGEST))
    throw new TypeError(`exchange.lifetime: expected 1 to ${LONGEST} seconds`)
  if (!(limit >= 1)) throw new TypeError('exchange.limit: expected a number, 1 or more')
  if (!auth.options.plugins?.some(({ id }) => id === 'jwt'))
    throw new TypeError('exchange: needs the plugin latchkeyJwt')
  if (!auth.baseURL && !jwtOptionsOf(auth).jwt?.issuer)
    throw new TypeError('exchange: set baseURL, or jwt.issuer of latchkeyJwt')
  return { ...options, lifetime, limit, issuers, tag: createPrincipalsTag(auth.secret) }
}

/** Options of the `jwt` plugin that this server runs. */
export function jwtOptionsOf({ getPlugin }: Pick<AuthContext, 'getPlugin'>): JwtOptions {
  return ((getPlugin('jwt') as { options?: JwtOptions } | null)?.options ?? {}) as JwtOptions
}

/** `iss` of everything that this server signs. */
export function issuerOf(context: AuthContext): string {
  return jwtOptionsOf(context).jwt?.issuer ?? new URL(context.baseURL).origin
}

/** What is asked to be signed. */
export interface Issue {
  readonly subject: ExchangedSubject
  /** Seconds since 1970; the token does not outlast it. */
  readonly until: number
  /** Seconds since 1970. */
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

/** Signs a token with the server's own key. @returns it, and how long it is good, in seconds */
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
  }
  const options = jwtOptionsOf(ctx.context)
  const pinned = rules.algorithm && { signingAlgorithm: rules.algorithm }
  const token = await signJWT(ctx, {
    options,
    payload,
    header: { typ: 'at+jwt' },
    ...(await keyFor(ctx, options, pinned)),
    ...pinned,
  })
  return { token, expiresIn: exp - iat }
}

const firsts = new WeakMap<object, Promise<unknown>>()

/** Many first signatures at once would make as many keys: all wait for the first one's. */
async function keyFor(ctx: GenericEndpointContext, options: JwtOptions, pinned: object | undefined): Promise<object> {
  const { adapter } = ctx.context
  const resolve = (): ReturnType<typeof resolveSigningKey> => resolveSigningKey(ctx, options, pinned)
  const first = firsts.get(adapter)
  if (!first)
    firsts.set(
      adapter,
      resolve().catch(() => firsts.delete(adapter)),
    )
  await firsts.get(adapter)
  const resolvedKey = await resolve()
  return resolvedKey ? { resolvedKey } : {}
}
