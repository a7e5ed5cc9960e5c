import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint } from 'better-auth/api'
import type { BindingStore } from '../../../lib/server.ts'
import {
  type ExchangeLimits,
  type ExternalAccounts,
  NOT_KEPT,
  OAuthRefusal,
  type TokenAnswer,
  type TokenRequest,
  type VerifiedSubject,
  answerRequest,
  deviceSubject,
  exchangeMetadata,
  externalSubject,
  lookUpAccount,
  readForm,
  readTokenRequest,
  refusedFor,
  throwRefusal,
} from '../../../lib/server-kit.ts'
import { type Endpoint, requestSession } from './endpoint.ts'
import { type ExchangeRules, issueToken, issuerOf } from '../exchange.ts'
import { jwtOptionsOf } from '../binding/signing-keys.ts'
import type { SharedLimitHint } from './shared-limit.ts'
import type { OneTimeProofs } from '../hooks/proofs.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { statusOf } from '../binding/status.ts'
import { issueSid } from '../binding/sessions.ts'
import { tokenSubject } from '../binding/token-subject.ts'

/** Dependencies of the exchange. */
export interface ExchangeTools {
  /** This server's origin plus base path, from configuration. */
  readonly baseURL: string
  readonly rules: ExchangeRules
  readonly proofs: OneTimeProofs
  readonly accounts: ExternalAccounts
  readonly bindings: BindingStore
  readonly limits: ExchangeLimits
  readonly hintAtSharedLimit: SharedLimitHint
}

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
  const subject = await subjectOfRequest(ctx, request, tools, clock).catch(throwRefusal)
  return answerRequest(request, subject, { limits, clock, sign: (issue) => issueToken(ctx, rules, issue) })
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
): Promise<VerifiedSubject> {
  if (kind === 'device' && tools.rules.localFirst === false) throw refusedFor('LOCAL_FIRST_DISABLED')
  const principals = principalStore(ctx.context.adapter, new Date(clock()))
  if (kind === 'device') return provenSubject(principals, subjectToken, tools)
  return kind === 'session' ? sessionSubject(principals, ctx) : providerSubject(ctx.context, subjectToken, tools)
}

async function provenSubject(
  principals: PrincipalStore,
  proof: string,
  { proofs }: ExchangeTools,
): Promise<VerifiedSubject> {
  const { principal, thumbprint } = await proofs.verify(principals.adapter, proof, { purpose: 'exchange' })
  // Not from the cache: an issued token lasts longer than five seconds.
  if ((await statusOf(principals, principal, thumbprint)) !== 'active') throw refusedFor('PRINCIPAL_DISABLED')
  return deviceSubject(principal, principals.now.getTime())
}

async function sessionSubject(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<VerifiedSubject> {
  const found = await requestSession(ctx)
  // A user of the anonymous plugin is not an account.
  if (!found || found.user['isAnonymous'] === true) throw refusedFor('SESSION_MISSING')
  const subject = await tokenSubject(principals, found.user.id, found.session)
  if (!subject) throw refusedFor('SESSION_MISSING')
  const { principal, aliases, accountId, actor } = subject
  return {
    principal,
    aliases,
    authMode: 'external',
    accountId,
    actor,
    sid: await issueSid(ctx.context, found.session),
    external: null,
    until: new Date(found.session.expiresAt).getTime() / 1000,
  }
}

async function providerSubject(
  context: AuthContext,
  token: string,
  { accounts, bindings }: ExchangeTools,
): Promise<VerifiedSubject> {
  const account = await accounts.verify(token)
  // Its own tokens could be exchanged endlessly. Not the issuer's first name: one entry can have several.
  if (account.claims['iss'] === issuerOf(context)) throw refusedFor('ISSUER_UNKNOWN')
  return externalSubject(await lookUpAccount(bindings, { account, current: null }, false))
}

/** Creates the endpoint that tells standard clients where the keys and the exchange are (RFC 8414). */
export function metadataEndpoint(tools: () => ExchangeTools): Endpoint {
  return createAuthEndpoint('/.well-known/oauth-authorization-server', { method: 'GET' }, async (ctx) => {
    const { baseURL } = tools()
    const { jwks } = jwtOptionsOf(ctx.context)
    return ctx.json(
      exchangeMetadata({
        issuer: issuerOf(ctx.context),
        jwksUri: jwks?.remoteUrl ?? `${baseURL}${jwks?.jwksPath ?? '/jwks'}`,
        tokenEndpoint: `${baseURL}/latchkey/token`,
      }),
    )
  })
}
