import type { Awaitable } from '../../awaitable.ts'
import { LatchkeyError } from '../../errors.ts'
import { encodeBase64url, utf8 } from '../../identity/encoding.ts'
import { isAliasList, isPrincipal } from '../session.ts'

/**
 * Looks up the principal of an issuer's subject.
 *
 * @param subject - `sub` of a verified token
 * @param issuer - the first of the issuer's configured names
 * @param claims - of the token
 * @returns the principal, or a list: the principal, then its aliases. Null if the subject has no binding
 */
export type FindPrincipal = (
  subject: string,
  issuer: string,
  claims: Readonly<Record<string, unknown>>,
) => Promise<string | readonly string[] | null>

/** The principals of a session: the account's own, then its aliases. */
export type Principals = readonly [string, ...string[]]

/**
 * How a subject becomes a principal. `sub`: the subject is the principal; for a single issuer only. `namespaced`: an id
 * derived from issuer and subject, which no other issuer can assert. A function: returns the bound principal, and its
 * aliases if it has any; if it returns null, the namespaced id is used.
 */
export type PrincipalRule = 'sub' | 'namespaced' | FindPrincipal

/** Prefix of namespaced ids. */
const NAMESPACE = 'urn:latchkey:external:'

/**
 * Returns the namespaced id of a subject: deterministic, and never equal to the principal of any other issuer or
 * device.
 *
 * @param issuer - the first of the issuer's configured names
 * @param subject - `sub` of a verified token
 */
export async function namespacedPrincipal(issuer: string, subject: string): Promise<string> {
  // JSON is unambiguous: no other pair gives the same text.
  const text = utf8(JSON.stringify([issuer, subject]))
  return NAMESPACE + encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', text)))
}

/** What {@link principalsOf} needs of an issuer's rules. */
export interface SubjectRules {
  readonly issuers: readonly [string, ...string[]]
  readonly principal: PrincipalRule
  readonly aliases: boolean
  /** True if the issuer runs Latchkey: it may name the namespaced id of an account that another provider has. */
  readonly isOwn: boolean
}

/**
 * Applies the issuer's rule to the subject of verified claims.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`: `sub` is not a valid principal, an alias or (unless the issuer runs
 *   Latchkey) `sub` is the namespaced id of another issuer, or `aliases` is not a list of principals
 * @throws {TypeError} the app's function returned neither a principal, nor a list of principals, nor null
 */
export function principalsOf(
  claims: Readonly<Record<string, unknown>>,
  { issuers: [issuer], principal: rule, aliases, isOwn }: SubjectRules,
): Awaitable<Principals> {
  const { sub: subject } = claims
  if (!isPrincipal(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
  if (rule === 'sub')
    return [isOwn ? subject : ownName(subject, 'sub'), ...(aliases ? readAliases(claims['aliases']) : [])]
  return rule === 'namespaced' ? namespaced(issuer, subject) : found(rule(subject, issuer, claims), issuer, subject)
}

async function namespaced(issuer: string, subject: string): Promise<Principals> {
  return [await namespacedPrincipal(issuer, subject)]
}

async function found(answer: ReturnType<FindPrincipal>, issuer: string, subject: string): Promise<Principals> {
  const bound = await answer
  if (bound === null) return namespaced(issuer, subject)
  const [principal, ...aliases] = [bound].flat()
  if (isPrincipal(principal) && isAliasList(aliases)) return [principal, ...aliases]
  throw new TypeError('external.principal: expected a principal, a list of a principal and its aliases, or null')
}

/**
 * Refuses a subject with the form of a device principal, from an issuer that has no devices.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`
 */
export function checkNoDevice(subject: unknown, isDevice: (subject: string) => boolean): void {
  if (typeof subject === 'string' && isDevice(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
}

function readAliases(aliases: unknown = []): readonly string[] {
  if (!isAliasList(aliases)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'aliases')
  return aliases.map((alias) => ownName(alias, 'aliases'))
}

/** A user who can choose a name at the first issuer must not choose the namespaced id of another one. */
function ownName(name: string, claim: string): string {
  if (name.startsWith(NAMESPACE)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', claim)
  return name
}
