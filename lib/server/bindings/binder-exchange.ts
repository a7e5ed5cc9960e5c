import { type OptionNames, checkOptionNames } from '../../option-names.ts'
import { LatchkeyError } from '../../errors.ts'
import { parseObject } from '../../tokens/decode.ts'
import { readBounded } from '../bounded-body.ts'
import {
  type VerifiedSubject,
  answerRequest,
  createExchangeLimits,
  deviceSubject,
  exchangeMetadata,
} from '../exchange/answer-request.ts'
import { type Issue, type IssueOptions, exchangedClaims, readIssueRules } from '../exchange/exchanged-claims.ts'
import { externalSubject } from '../exchange/external-subject.ts'
import {
  NOT_KEPT,
  OAuthRefusal,
  SUBJECT_TYPES,
  type TokenRequest,
  readForm,
  readTokenRequest,
  refusedFor,
  throwRefusal,
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

const OPTIONS: OptionNames<BinderExchangeOptions> = {
  issuer: true,
  keys: true,
  audiences: true,
  lifetime: true,
  type: true,
  clientId: true,
  localFirst: true,
  claims: true,
  limit: true,
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
 * Creates the exchange of a binder: a device's proof, or the provider's token, for a token that any server with the
 * JWKS can verify.
 *
 * @param bodyLimit - largest request body, in bytes
 * @throws {TypeError} an option is invalid
 */
export function createBinderExchange(
  binder: ExternalBinder,
  options: BinderExchangeOptions,
  { clock, bodyLimit }: { readonly clock: () => number; readonly bodyLimit: number },
): BinderExchange {
  checkOptionNames('exchange.', options, OPTIONS)
  const rules = readIssueRules(options)
  const { issuer } = options
  if (!binder.hasAliases) throw new TypeError('exchange: needs a store with aliases (AdoptingBindingStore)')
  if (!URL.canParse(issuer) || !URL.canParse(binder.audience))
    throw new TypeError('exchange: expected URLs as exchange.issuer and as audience of the binder')
  const signer = createTokenSigner(options.keys)
  const limits = createExchangeLimits(rules, clock)

  async function exchange(request: Request): Promise<object> {
    const asked = readTokenRequest(await parametersOf(request, bodyLimit), rules.audiences)
    if (asked.kind === 'device' && rules.localFirst === false) throw refusedFor('LOCAL_FIRST_DISABLED')
    return answerRequest(asked, await subjectOf(binder, asked, issuer, clock()), { limits, clock, sign })
  }

  async function sign(issue: Issue): Promise<{ token: string; expiresIn: number }> {
    const claims = await exchangedClaims(rules, { issuer, tag: binder.principalsTag }, issue)
    return { token: await signer.sign(claims, rules.type), expiresIn: claims.exp - claims.iat }
  }

  return {
    token: (request) => exchange(request).catch(throwRefusal).then(answer).catch(refuse),
    keys: () => Response.json(signer.keySet),
    metadata: () =>
      Response.json(
        exchangeMetadata(
          { issuer, jwksUri: `${binder.audience}/jwks`, tokenEndpoint: `${binder.audience}/token` },
          Object.keys(SUBJECT_TYPES).filter((type) => !type.endsWith(':session')),
        ),
      ),
  }
}

async function subjectOf(
  binder: ExternalBinder,
  { kind, subjectToken }: TokenRequest,
  issuer: string,
  now: number,
): Promise<VerifiedSubject> {
  // A binder has no sessions of its own.
  if (kind === 'session') throw refusedFor('SESSION_MISSING')
  if (kind === 'device') return deviceSubject(await binder.verifyDevice(subjectToken), now)
  const found = await binder.look(subjectToken)
  // Its own tokens could be exchanged endlessly.
  if (found.account.claims['iss'] === issuer) throw new LatchkeyError('ISSUER_UNKNOWN')
  return externalSubject(found)
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
