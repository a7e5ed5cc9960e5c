import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { signJWT } from 'better-auth/plugins'
import type { BindingStore, ExternalIssuer } from '../../lib/server.ts'
import {
  type Issue,
  type IssueOptions,
  type IssueRules,
  type OptionNames,
  type PrincipalsTag,
  createPrincipalsTag,
  exchangedClaims,
  readIssueRules,
} from '../../lib/server-kit.ts'
import { bindingStoreOf } from './binding/binding-store.ts'
import { algorithmsOf, jwtOptionsOf, keyFor } from './binding/signing-keys.ts'
import type { BetterAuthInstance } from './binding/types.ts'
import { probeDatabase } from './checks/database-probe.ts'

/** Options of `POST /latchkey/token`. */
export interface ExchangeOptions extends IssueOptions {
  /**
   * Signature algorithm: one of the `jwt` plugin's key pairs. Defaults to that of its `jwks.keyPairConfig`, or EdDSA.
   */
  readonly algorithm?: 'RS256' | 'ES256' | 'EdDSA'
  /**
   * `false` serves no `/.well-known/oauth-authorization-server`, which belongs to an OAuth provider on the same server.
   * Defaults to `true`.
   */
  readonly metadata?: boolean
  /** Other providers whose JWTs are accepted. */
  readonly issuers?: readonly ExternalIssuer[]
}

export const EXCHANGE_OPTIONS: OptionNames<ExchangeOptions> = {
  audiences: true,
  lifetime: true,
  type: true,
  clientId: true,
  localFirst: true,
  claims: true,
  limit: true,
  algorithm: true,
  metadata: true,
  issuers: true,
}

/** The validated {@link ExchangeOptions}. */
export interface ExchangeRules extends ExchangeOptions, IssueRules {
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
  const rules = readIssueRules(options)
  if (![undefined, true, false].includes(options.metadata))
    throw new TypeError('exchange.metadata: expected true or false')
  if (!auth.options.plugins?.some(({ id }) => id === 'jwt'))
    throw new TypeError('exchange: needs the plugin latchkeyJwt')
  const jwt = jwtOptionsOf(auth)
  if (!auth.baseURL && !jwt.jwt?.issuer) throw new TypeError('exchange: set baseURL, or jwt.issuer of latchkeyJwt')
  if (options.algorithm && !jwt.jwt?.sign && !algorithmsOf(jwt).includes(options.algorithm))
    throw new TypeError('exchange.algorithm: expected that of a key pair of latchkeyJwt')
  return { ...rules, issuers: options.issuers ?? [], tag: createPrincipalsTag(auth.secret) }
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

/**
 * Signs a token with the server's own key.
 *
 * @returns the token, and its lifetime in seconds
 */
export async function issueToken(
  ctx: GenericEndpointContext,
  rules: ExchangeRules,
  issue: Issue,
): Promise<{ token: string; expiresIn: number }> {
  const payload = await exchangedClaims(rules, { issuer: issuerOf(ctx.context), tag: rules.tag }, issue)
  const options = jwtOptionsOf(ctx.context)
  const resolvedKey = await keyFor(ctx, options, rules.algorithm)
  const token = await signJWT(ctx, {
    options,
    payload,
    header: { typ: rules.type },
    ...(resolvedKey && { resolvedKey }),
    ...(rules.algorithm && { signingAlgorithm: rules.algorithm }),
  })
  return { token, expiresIn: payload.exp - payload.iat }
}

/**
 * Creates a binding store in the tables of a Better Auth with the plugin `latchkey`: a principal never belongs to both
 * a user and an account of another provider.
 *
 * @param auth - the result of `betterAuth()`
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function betterAuthBindingStore({ $context }: BetterAuthInstance, clock?: () => number): BindingStore {
  const open = async (): Promise<BindingStore> => {
    const context = (await $context) as unknown as AuthContext
    await probeDatabase(context)
    return bindingStoreOf(context.adapter, clock)
  }
  return {
    find: async (issuer, subject) => (await open()).find(issuer, subject),
    insert: async (binding) => (await open()).insert(binding),
    useOnce: async (name, until) => (await open()).useOnce(name, until),
  }
}
