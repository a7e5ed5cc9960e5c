import type { ExchangedSubject, Issue, IssueRules } from './exchanged-claims.ts'
import { type Limit, createLimit } from './limit.ts'
import { ACCESS_TOKEN, SUBJECT_TYPES, TOKEN_EXCHANGE, type TokenRequest, refusedFor, tooMany } from './token-request.ts'

/** The response to a token request (RFC 8693 §2.2.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly issued_token_type: typeof ACCESS_TOKEN
  readonly token_type: 'Bearer'
  /** In seconds. */
  readonly expires_in: number
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
}

/** The subject of a verified subject token, and when that expires, in seconds since 1970. */
export type VerifiedSubject = Omit<ExchangedSubject, 'audience'> & { readonly until: number }

/** Limits of this process: devices cost nothing to make, so they have a limit of their own. */
export type ExchangeLimits = Readonly<Record<'devices' | 'accounts', Limit>>

/** Creates the limits of an exchange. */
export function createExchangeLimits({ limit }: IssueRules, clock: () => number): ExchangeLimits {
  return { devices: createLimit(limit, clock), accounts: createLimit(limit, clock) }
}

/** What an exchange answers with. */
export interface Answering {
  readonly limits: ExchangeLimits
  /** Returns milliseconds since 1970. */
  readonly clock: () => number
  /** Signs the token with the server's key; also returns its lifetime in seconds. */
  readonly sign: (issue: Issue) => Promise<{ readonly token: string; readonly expiresIn: number }>
}

/**
 * Answers a token request whose subject was verified.
 *
 * @throws {OAuthRefusal} the subject token has expired; too many tokens in this minute
 */
export async function answerRequest(
  { kind, audience }: TokenRequest,
  { until, ...subject }: VerifiedSubject,
  { limits, clock, sign }: Answering,
): Promise<TokenAnswer> {
  if (until <= clock() / 1000) throw refusedFor('TOKEN_EXPIRED')
  if (!limits[kind === 'device' ? 'devices' : 'accounts'].take()) throw tooMany()
  const { token, expiresIn } = await sign({ subject: { ...subject, audience }, until, now: clock() / 1000 })
  return {
    access_token: token,
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: expiresIn,
    now: clock(),
  }
}

/**
 * Returns the subject of a device without an account. A proof can be used only once, so the token's own lifetime is the
 * only limit.
 *
 * @param now - in milliseconds since 1970
 */
export function deviceSubject(principal: string, now: number): VerifiedSubject {
  const until = now / 1000 + 3600
  return { principal, aliases: [], authMode: 'local-first', accountId: null, actor: null, external: null, until }
}

/** Where an exchange and its keys are. */
export interface ExchangeAddresses {
  readonly issuer: string
  readonly jwksUri: string
  readonly tokenEndpoint: string
}

/**
 * Returns the metadata document of an exchange (RFC 8414). Its addresses come from the configuration, never from the
 * Host header: an attacker who can have this document cached would choose the keys.
 *
 * @param subjectTypes - the accepted values of `subject_token_type`
 */
export function exchangeMetadata(
  { issuer, jwksUri, tokenEndpoint }: ExchangeAddresses,
  subjectTypes: readonly string[] = Object.keys(SUBJECT_TYPES),
): Readonly<Record<string, unknown>> {
  return {
    issuer,
    jwks_uri: jwksUri,
    token_endpoint: tokenEndpoint,
    grant_types_supported: [TOKEN_EXCHANGE],
    token_endpoint_auth_methods_supported: ['none'],
    // Required, although there is no such endpoint.
    response_types_supported: [],
    latchkey_subject_token_types_supported: subjectTypes,
  }
}
