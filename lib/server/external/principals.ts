import { LatchkeyError } from '../../errors.ts'
import { encodeBase64url } from '../../identity/base64url.ts'
import { isAliasList, isPrincipal } from '../session.ts'
import { hasPrincipalForm } from '../../identity/principal.ts'

/**
 * Says which principal an issuer's subject is.
 *
 * @param subject - `sub` of a verified token
 * @param issuer - the first of the issuer's names
 * @returns null where the subject is bound to none
 */
export type FindPrincipal = (subject: string, issuer: string) => Promise<string | null>

/**
 * How a subject becomes a principal. `sub`: it is one; for a single issuer only. `namespaced`: an id made of issuer
 * and subject, which no other issuer can assert. A function: the principal that the app has bound, and otherwise the
 * namespaced id.
 */
export type PrincipalRule = 'sub' | 'namespaced' | FindPrincipal

/** What the ids of further issuers begin with. */
const NAMESPACE = 'urn:latchkey:external:'

/**
 * The id of a subject of a further issuer: the same whenever it is asked for, and never a principal of anybody else.
 *
 * @param issuer - the first of the issuer's names
 * @param subject - `sub` of a verified token
 */
export async function namespacedPrincipal(issuer: string, subject: string): Promise<string> {
  // As JSON, so that no other pair gives the same text.
  const text = new TextEncoder().encode(JSON.stringify([issuer, subject]))
  return NAMESPACE + encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', text)))
}

/** @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`: `sub` is no principal, or claims one of another issuer */
export async function principalOf(subject: unknown, issuer: string, rule: PrincipalRule): Promise<string> {
  if (!isPrincipal(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
  if (rule === 'sub') return ownName(subject, 'sub')
  const bound = rule === 'namespaced' ? null : await rule(subject, issuer)
  if (bound !== null && !isPrincipal(bound)) throw new TypeError('external.principal: expected a principal or null')
  return bound ?? namespacedPrincipal(issuer, subject)
}

/**
 * Refuses a subject that could be a device's principal, from an issuer that knows no devices.
 *
 * @throws {LatchkeyError} `TOKEN_CLAIM_INVALID`
 */
export function checkNoDevice(subject: unknown): void {
  if (typeof subject === 'string' && hasPrincipalForm(subject)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'sub')
}

/** @throws {LatchkeyError} `TOKEN_CLAIM_INVALID` */
export function readAliases(aliases: unknown = []): readonly string[] {
  if (!isAliasList(aliases)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', 'aliases')
  return aliases.map((alias) => ownName(alias, 'aliases'))
}

/** Whoever may choose a name at the first issuer must not choose one that belongs to a further issuer. */
function ownName(name: string, claim: string): string {
  if (name.startsWith(NAMESPACE)) throw new LatchkeyError('TOKEN_CLAIM_INVALID', claim)
  return name
}
