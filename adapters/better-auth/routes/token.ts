import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint, getAuthoritativeSessionFromCtx } from 'better-auth/api'
import type { BindingStore } from '../../../lib/server.ts'
import {
  ACCESS_TOKEN,
  type ExchangedSubject,
  type ExternalAccounts,
  type Limit,
  NOT_KEPT,
  OAuthRefusal,
  SUBJECT_TYPES,
  TOKEN_EXCHANGE,
  type TokenRequest,
  fixExternal,
  readForm,
  readTokenRequest,
  refusedFor,
  throwRefusal,
  tooMany,
} from '../../../lib/server-kit.ts'
import type { Endpoint } from './endpoint.ts'
import { type ExchangeRules, issueToken, issuerOf } from '../exchange.ts'
import { jwtOptionsOf } from '../signing-keys.ts'
import type { SharedLimitHint } from './shared-limit.ts'
import type { ProofGate } from '../hooks/proofs.ts'
import { statusOf } from '../binding/status.ts'
import { tokenSubject } from '../binding/token-subject.ts'

/** Dependencies of the exchange. */
export interface ExchangeTools {
  /** This server's origin plus base path, from configuration. */
  readonly baseURL: string
  readonly rules: ExchangeRules
  readonly gate: ProofGate
  readonly accounts: ExternalAccounts
  readonly bindings: BindingStore
  /** Of this process: devices cost nothing to make, so they have a limit of their own. */
  readonly limits: Readonly<Record<'devices' | 'accounts', Limit>>
  readonly hintAtSharedLimit: SharedLimitHint
}

/** The response of `POST /latchkey/token` (RFC 8693 §2.2.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly issued_token_type: typeof ACCESS_TOKEN
  readonly token_type: 'Bearer'
  /** In seconds. */
  readonly expires_in: number
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
}

type Subject = Omit<ExchangedSubject, 'audience'> & { readonly until: number }

/**
 * Creates the endpoint that exchanges a proof, a session or another provider's token for a token that any server with
 * the JWKS can verify (RFC 8693).
 */
export function tokenEndpoint(tools: () => ExchangeTools, clock: () => number): Endpoint {
  const metadata = { noStore: true, allowedMediaTypes: ['application/x-www-form-urlencoded', 'application/json'] }
  // The form is parsed a second time, since the first parser hides repeated parameters.
  return createAuthEndpoint(
    '/latchkey/token',
    { method: 'POST', requireHeaders: true, cloneRequest: true, metadata },
    async (ctx) => {
      const answer = await exchange(ctx as unknown as GenericEndpointContext, tools(), clock).catch(rethrow)
      ctx.setHeader('pragma', NOT_KEPT.pragma)
      return ctx.json<TokenAnswer>(answer)
    },
  )
}

async function exchange(ctx: GenericEndpointContext, tools: ExchangeTools, clock: () => number): Promise<TokenAnswer> {
  const { rules, limits, hintAtSharedLimit } = tools
  hintAtSharedLimit(ctx.request)
  const request = readTokenRequest(await parametersOf(ctx), rules.audiences)
  const { until, ...subject } = await subjectOfRequest(ctx, request, tools, clock).catch(throwRefusal)
  if (until <= clock() / 1000) throw refusedFor('TOKEN_EXPIRED')
  if (!limits[request.kind === 'device' ? 'devices' : 'accounts'].take()) throw tooMany()
  const { token, expiresIn } = await issueToken(ctx, rules, {
    subject: { ...subject, audience: request.audience },
    until,
    now: clock() / 1000,
  })
  return {
    access_token: token,
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: expiresIn,
    now: clock(),
  }
}

const STATUS = { 400: 'BAD_REQUEST', 429: 'TOO_MANY_REQUESTS', 503: 'SERVICE_UNAVAILABLE' } as const

/** For `catch`: throws the error that the endpoint responds with. */
function rethrow(error: unknown): never {
  throw error instanceof OAuthRefusal ? new APIError(STATUS[error.status], error.body, error.headers) : error
}

async function parametersOf({ request, body }: GenericEndpointContext): Promise<Record<string, unknown> | null> {
  const type = request?.headers.get('content-type') ?? ''
  return type.toLowerCase().startsWith('application/x-www-form-urlencoded')
    ? readForm(await request!.text())
    : ((body as Record<string, unknown> | undefined) ?? {})
}

async function subjectOfRequest(
  ctx: GenericEndpointContext,
  { kind, subjectToken }: TokenRequest,
  tools: ExchangeTools,
  clock: () => number,
): Promise<Subject> {
  if (kind === 'device' && tools.rules.localFirst === false) throw refusedFor('LOCAL_FIRST_DISABLED')
  if (kind === 'device') return deviceSubject(ctx.context, subjectToken, tools, clock())
  return kind === 'session' ? sessionSubject(ctx, clock()) : externalSubject(ctx.context, subjectToken, tools)
}

/** Of a device without an account. */
const DEVICE = { aliases: [], authMode: 'local-first', accountId: null, actor: null, external: null } as const

/** A proof can be used only once, so the token's own lifetime is the only limit. */
async function deviceSubject(
  { adapter }: AuthContext,
  proof: string,
  { gate }: ExchangeTools,
  now: number,
): Promise<Subject> {
  const { principal, thumbprint } = await gate.verify(adapter, proof, { purpose: 'exchange' })
  // Not from the cache: an issued token lasts longer than five seconds.
  if ((await statusOf(adapter, principal, thumbprint)) !== 'active') throw refusedFor('PRINCIPAL_DISABLED')
  return { ...DEVICE, principal, until: now / 1000 + 3600 }
}

async function sessionSubject(ctx: GenericEndpointContext, now: number): Promise<Subject> {
  const found = await getAuthoritativeSessionFromCtx(ctx)
  // A user of the anonymous plugin is not an account.
  if (!found || found.user['isAnonymous'] === true) throw refusedFor('SESSION_MISSING')
  const subject = await tokenSubject(ctx.context.adapter, found.user.id, new Date(now), found.session)
  if (!subject) throw refusedFor('SESSION_MISSING')
  const { principal, aliases, accountId, actor } = subject
  return {
    principal,
    aliases,
    authMode: 'external',
    accountId,
    actor,
    external: null,
    until: new Date(found.session.expiresAt).getTime() / 1000,
  }
}

async function externalSubject(
  context: AuthContext,
  token: string,
  { accounts, bindings }: ExchangeTools,
): Promise<Subject> {
  const { issuer, subject, expiresAt, claims } = await accounts.verify(token)
  // Its own tokens could be exchanged endlessly. Not the issuer's first name: one entry can have several.
  if (claims['iss'] === issuerOf(context)) throw refusedFor('ISSUER_UNKNOWN')
  const { principal } = await fixExternal(bindings, { issuer, subject })
  return {
    principal,
    aliases: [],
    authMode: 'external',
    accountId: null,
    actor: null,
    external: { issuer, subject },
    until: expiresAt,
  }
}

/** Creates the endpoint that tells standard clients where the keys and the exchange are (RFC 8414). */
export function metadataEndpoint(tools: () => ExchangeTools): Endpoint {
  return createAuthEndpoint('/.well-known/oauth-authorization-server', { method: 'GET' }, async (ctx) => {
    // Never from the Host header: an attacker who can have this document cached would choose the keys.
    const { baseURL } = tools()
    const { jwks } = jwtOptionsOf(ctx.context)
    return ctx.json({
      issuer: issuerOf(ctx.context),
      jwks_uri: jwks?.remoteUrl ?? `${baseURL}${jwks?.jwksPath ?? '/jwks'}`,
      token_endpoint: `${baseURL}/latchkey/token`,
      grant_types_supported: [TOKEN_EXCHANGE],
      token_endpoint_auth_methods_supported: ['none'],
      // Required, although there is no such endpoint.
      response_types_supported: [],
      latchkey_subject_token_types_supported: Object.keys(SUBJECT_TYPES),
    })
  })
}
