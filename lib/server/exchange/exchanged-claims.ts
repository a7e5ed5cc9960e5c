/** Longest lifetime of an exchanged token, in seconds. */
const MAX_LIFETIME_S = 900

/** The subject of an exchanged token. */
export interface ExchangedSubject {
  /** `sub`. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** `local-first` for a device's own identity, `external` for an account. */
  readonly authMode: 'local-first' | 'external'
  /** The id of this server's own account; null for a device, and for an account of another provider. */
  readonly accountId: string | null
  /** `act.sub`: the principal of the admin who impersonates the user; null or absent if there is none. */
  readonly actor?: string | null
  /**
   * `sid`: identifies the session of the account. Absent for a device, and where the account's server has no sessions.
   */
  readonly sid?: string
  /** The other provider and its `sub`, if the request used its token. */
  readonly external: { readonly issuer: string; readonly subject: string } | null
  /** `aud`. */
  readonly audience: string
}

/** Options of the tokens that an exchange issues. */
export interface IssueOptions {
  /** The `aud` values that this server issues tokens for. */
  readonly audiences: readonly string[]
  /** Lifetime in seconds, at most 900. Defaults to 900. */
  readonly lifetime?: number
  /**
   * `typ` of the tokens' header. `JWT` is for consumers that take `at+jwt` for no token; only `aud` then tells an
   * exchanged token from a session's own. Defaults to `at+jwt` (RFC 9068 §2.1).
   */
  readonly type?: 'at+jwt' | 'JWT'
  /**
   * `client_id` of the tokens, which strict verifiers of RFC 9068 require: a name for your app, and not the id of one
   * of your OAuth clients. Defaults to none.
   */
  readonly clientId?: string
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

/** The validated {@link IssueOptions}. */
export interface IssueRules extends IssueOptions {
  readonly lifetime: number
  readonly limit: number
  readonly type: 'at+jwt' | 'JWT'
}

/**
 * Validates the options.
 *
 * @throws {TypeError} an option is invalid
 */
export function readIssueRules<Options extends IssueOptions>(options: Options): Options & IssueRules {
  const { audiences, lifetime = MAX_LIFETIME_S, limit = 6000, type = 'at+jwt', clientId } = options
  if (audiences.length === 0 || audiences.some((audience) => typeof audience !== 'string' || audience === ''))
    throw new TypeError('exchange.audiences: expected non-empty strings')
  if (!(Number.isInteger(lifetime) && lifetime >= 1 && lifetime <= MAX_LIFETIME_S))
    throw new TypeError(`exchange.lifetime: expected 1 to ${MAX_LIFETIME_S} seconds`)
  if (!(limit >= 1)) throw new TypeError('exchange.limit: expected a number, 1 or more')
  if (type !== 'at+jwt' && type !== 'JWT') throw new TypeError('exchange.type: expected at+jwt or JWT')
  if (clientId !== undefined && (typeof clientId !== 'string' || clientId === ''))
    throw new TypeError('exchange.clientId: expected a non-empty string')
  return { ...options, lifetime, limit, type }
}

/** The content of a token to be signed. */
export interface Issue {
  readonly subject: ExchangedSubject
  /** In seconds since 1970; the token does not expire later. */
  readonly until: number
  /** In seconds since 1970. */
  readonly now: number
}

/** With these, verifiers would mistake a token for another kind of token, or for another party's. */
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
  'sid',
]

/** The issuer of a token: `iss`, and the function that computes `principals_tag`. */
export interface Issuing {
  readonly issuer: string
  /** Computes `principals_tag` of a list of principals. */
  readonly tag: (principal: string, aliases: readonly string[]) => Promise<string>
}

/** Returns the claims of an exchanged token; times are seconds since 1970. */
export async function exchangedClaims(
  rules: IssueRules,
  { issuer, tag }: Issuing,
  { subject, until, now }: Issue,
): Promise<Readonly<Record<string, unknown>> & { readonly iat: number; readonly exp: number }> {
  const iat = Math.floor(now)
  const exp = Math.min(iat + rules.lifetime, Math.floor(until))
  const more = await rules.claims?.(subject)
  const reserved = Object.keys(more ?? {}).find((name) => RESERVED.includes(name))
  if (reserved !== undefined) throw new TypeError(`exchange.claims: ${reserved} is reserved`)
  return {
    ...more,
    iss: issuer,
    sub: subject.principal,
    aud: subject.audience,
    iat,
    exp,
    nbf: undefined,
    jti: crypto.randomUUID(),
    auth_mode: subject.authMode,
    aliases: subject.aliases,
    principals_tag: await tag(subject.principal, subject.aliases),
    ...(rules.clientId !== undefined && { client_id: rules.clientId }),
    ...(subject.sid !== undefined && { sid: subject.sid }),
    // RFC 8693 §4.1: an admin acts as the user.
    ...(subject.actor != null && { act: { sub: subject.actor } }),
  }
}
