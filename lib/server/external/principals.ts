import { LatchkeyError } from '../../errors.ts'
import { encodeBase64url } from '../../identity/base64url.ts'
import { isAliasList, isPrincipal } from '../session.ts'
import { utf8 } from '../../identity/utf8.ts'

/**
 * Looks up the principal of an issuer's subject.
 *
 * @param subject - `sub` of a verified token
 * @param issuer - the first of the issuer's configured names
 * @returns null if the subject has no binding
 */
export type FindPrincipal = (subject: string, issuer: string) => Promise<string | null>

/**
 * How a subject becomes a principal. `sub`: the subject is the principal; for a single issuer only. `namespaced`: an id
 * derived from issuer and subject, which no other issuer can assert. A function: returns the bound principal; if it
 * returns null, the namespaced id is used.
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

/**
 * Applies the issuer's rule to a subject.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`: `sub` is not a valid principal, or is the namespaced id of another
 *   issuer
 */
export function principalOf(subject: unknown, issuer: string, rule: PrincipalRule): string | Promise<string> {
  if (!isPrincipal(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
  return rule === 'sub' ? ownName(subject, 'sub') : boundPrincipal(subject, issuer, rule)
}

async function boundPrincipal(subject: string, issuer: string, rule: Exclude<PrincipalRule, 'sub'>): Promise<string> {
  const bound = rule === 'namespaced' ? null : await rule(subject, issuer)
  if (bound !== null && !isPrincipal(bound)) throw new TypeError('external.principal: expected a principal or null')
  return bound ?? namespacedPrincipal(issuer, subject)
}

/**
 * Refuses a subject with the form of a device principal, from an issuer that has no devices.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`
 */
export function checkNoDevice(subject: unknown, isDevice: (subject: string) => boolean): void {
  if (typeof subject === 'string' && isDevice(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
}

/**
 * Validates the `aliases` claim.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`
 */
export function readAliases(aliases: unknown = []): readonly string[] {
  if (!isAliasList(aliases)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'aliases')
  return aliases.map((alias) => ownName(alias, 'aliases'))
}

/** A user who can choose a name at the first issuer must not choose the namespaced id of another one. */
function ownName(name: string, claim: string): string {
  if (name.startsWith(NAMESPACE)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', claim)
  return name
}
