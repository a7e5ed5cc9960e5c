import { LatchkeyError } from '../../errors.ts'
import { parseObject } from '../../tokens/decode.ts'
import { readBounded } from '../bounded-body.ts'
import {
  type ExchangedSubject,
  type IssueOptions,
  exchangedClaims,
  readIssueRules,
} from '../exchange/exchanged-claims.ts'
import { createLimit } from '../exchange/limit.ts'
import {
  ACCESS_TOKEN,
  NOT_KEPT,
  OAuthRefusal,
  SUBJECT_TYPES,
  TOKEN_EXCHANGE,
  type TokenRequest,
  readForm,
  readTokenRequest,
  refusedFor,
  throwRefusal,
  tooMany,
} from '../exchange/token-request.ts'
import { type SigningJwk, createTokenSigner } from '../exchange/token-signer.ts'
import type { ExternalBinder } from './binder.ts'

/** Options of the exchange of a binder's handler. */
export interface BinderExchangeOptions extends IssueOptions {
  /** `iss` of the tokens: a URL of your server. No provider of the binder may have the same. */
  readonly issuer: string
  /** Private keys as JWKs, with `kid` and `alg`. The first one signs; the public part of each is published. */
  readonly keys: readonly SigningJwk[]
}

/** The routes of the exchange. */
export interface BinderExchange {
  /** Answers `POST …/token` (RFC 8693). */
  token(request: Request): Promise<Response>
  /** Answers `GET …/jwks`. */
  keys(): Response
  /** Answers `GET …/.well-known/oauth-authorization-server` (RFC 8414). */
  metadata(): Response
}

/**
 * Creates the exchange of a binder: a device's proof, or the provider's token, for a token that any server with the JWKS
 * can verify.
 *
 * @param bodyLimit - largest request body, in bytes
 * @throws {TypeError} an option is invalid
 */
export function createBinderExchange(
  binder: ExternalBinder,
  options: BinderExchangeOptions,
  { clock, bodyLimit }: { readonly clock: () => number; readonly bodyLimit: number },
): BinderExchange {
  const rules = readIssueRules(options)
  const { issuer } = options
  if (!binder.hasAliases) throw new TypeError('exchange: needs a store with aliases (AdoptingBindingStore)')
  if (!URL.canParse(issuer) || !URL.canParse(binder.audience))
    throw new TypeError('exchange: expected URLs as exchange.issuer and as audience of the binder')
  const signer = createTokenSigner(options.keys)
  const limits = { devices: createLimit(rules.limit, clock), accounts: createLimit(rules.limit, clock) }

  async function exchange(request: Request): Promise<object> {
    const asked = readTokenRequest(await parametersOf(request, bodyLimit), rules.audiences)
    if (asked.kind === 'device' && rules.localFirst === false) throw refusedFor('LOCAL_FIRST_DISABLED')
    const { until, ...subject } = await subjectOf(binder, asked, { issuer, now: clock() / 1000 })
    if (until <= clock() / 1000) throw refusedFor('TOKEN_EXPIRED')
    if (!limits[asked.kind === 'device' ? 'devices' : 'accounts'].take()) throw tooMany()
    const issue = { subject: { ...subject, audience: asked.audience }, until, now: clock() / 1000 }
    const claims = await exchangedClaims(rules, { issuer, tag: binder.principalsTag }, issue)
    return {
      access_token: await signer.sign(claims, rules.type),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: claims.exp - claims.iat,
      now: clock(),
    }
  }

  return {
    token: (request) => exchange(request).catch(throwRefusal).then(answer).catch(refuse),
    keys: () => Response.json(signer.keySet),
    metadata: () =>
      // Never from the Host header: an attacker who can have this document cached would choose the keys.
      Response.json({
        issuer,
        jwks_uri: `${binder.audience}/jwks`,
        token_endpoint: `${binder.audience}/token`,
        grant_types_supported: [TOKEN_EXCHANGE],
        token_endpoint_auth_methods_supported: ['none'],
        // Required, although there is no such endpoint.
        response_types_supported: [],
        latchkey_subject_token_types_supported: Object.keys(SUBJECT_TYPES).filter((type) => !type.endsWith(':session')),
      }),
  }
}

type Subject = Omit<ExchangedSubject, 'audience'> & { readonly until: number }

async function subjectOf(
  binder: ExternalBinder,
  { kind, subjectToken }: TokenRequest,
  { issuer, now }: { readonly issuer: string; readonly now: number },
): Promise<Subject> {
  // A binder has no sessions of its own.
  if (kind === 'session') throw refusedFor('SESSION_MISSING')
  if (kind === 'device') {
    const principal = await binder.verifyDevice(subjectToken)
    // A proof can be used only once, so the token's own lifetime is the only limit.
    return { principal, aliases: [], authMode: 'local-first', accountId: null, external: null, until: now + 3600 }
  }
  const { account, binding, aliases } = await binder.look(subjectToken)
  // Its own tokens could be exchanged endlessly.
  if (account.claims['iss'] === issuer) throw new LatchkeyError('ISSUER_UNKNOWN')
  return {
    principal: binding!.principal,
    aliases,
    authMode: 'external',
    accountId: null,
    external: { issuer: account.issuer, subject: account.subject },
    until: account.expiresAt,
  }
}

async function parametersOf(request: Request, limit: number): Promise<Readonly<Record<string, unknown>> | null> {
  const type = request.headers.get('content-type') ?? ''
  // The client left in the middle of its body, which is no fault of the server.
  const body = await readBounded(request, limit).catch(() => new Uint8Array())
  if (!body) throw new LatchkeyError('TOKEN_TOO_LARGE')
  return type.toLowerCase().startsWith('application/x-www-form-urlencoded')
    ? readForm(new TextDecoder().decode(body))
    : parseObject(body)
}

function answer(body: object): Response {
  return Response.json(body, { headers: NOT_KEPT })
}

function refuse(error: unknown): Response {
  if (!(error instanceof OAuthRefusal)) throw error
  return Response.json(error.body, { status: error.status, headers: error.headers })
}
