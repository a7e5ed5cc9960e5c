import type { BoundUser } from '../schema.ts'

/** The part of a session that tells its origin. */
export interface AskingSession {
  readonly id: string
  /** What made it, as {@link sessionOrigin} returns it, and perhaps the mailbox whose owner made it. */
  readonly principalVia?: string | null
  /** The admin who acts as the user, of Better Auth's admin plugin. */
  readonly impersonatedBy?: string | null
  /** The id of the session that approved this one by pairing. */
  readonly pairedBy?: string | null
}

/** Returns true if a session says nothing about who owns the mailbox: an impersonating admin's, or an approved one. */
export function isNeutral(session: AskingSession): boolean {
  return isImpersonated(session) || originIn(session) === DELEGATED
}

/** Returns true if another session approved this one, by pairing or as on a TV: no user signed in on its device. */
export function isPaired(session: object): boolean {
  const { pairedBy, principalVia } = session as Partial<AskingSession>
  return pairedBy != null || originIn({ principalVia }) === DELEGATED
}

/** Returns true if an admin of Better Auth's admin plugin acts as the session's user. */
export function isImpersonated(session: object | null | undefined): boolean {
  return Boolean((session as Partial<AskingSession> | null | undefined)?.impersonatedBy)
}

/**
 * A credential created the session that existed before any mailbox was verified; a reset of the password resets the
 * binding.
 */
const CREDENTIAL = 'credential'

/** The value of `principalVia` for a session that another session of the account approved, as on a television. */
export const DELEGATED = 'delegated'

/**
 * The value of `principalVia` for a new session.
 *
 * @param principal - whose key signed the request, or null
 * @param isByCredential - the request gave a credential that the account's creator chose
 */
export function sessionOrigin(principal: string | null, isByCredential: boolean): string | null {
  return isByCredential ? [CREDENTIAL, ...(principal ? [principal] : [])].join(':') : principal
}

/** A sign-in that ended in another browser than it began: anyone may have sent its user the link to the provider. */
const BEGUN = 'begun:'

/** The value of `principalVia` for such a session. It does not say who the user is. */
export function begunBy(principal: string): string {
  return BEGUN + principal
}

/** Returns true for such a session. `/latchkey/bind` settles it: there, the session and the key meet in one request. */
export function isBegun(session: AskingSession): boolean {
  return originIn(session)?.startsWith(BEGUN) === true
}

/** Separates the origin of a session from the mailbox whose owner made it. */
const OWNER = '@'

/**
 * The value of `principalVia` for a session that the owner of a mailbox made: with a mailed link or code, or with what
 * proved the mailbox.
 *
 * @param origin - as {@link sessionOrigin} returns it
 * @param mailbox - the name of the mailbox
 */
export function madeByOwner(origin: string | null, mailbox: string): string {
  return `${origin ?? ''}${OWNER}${mailbox}`
}

/** Returns true if the owner of this mailbox made the session. */
export function isByOwner({ principalVia }: Pick<AskingSession, 'principalVia'>, mailbox: string): boolean {
  return principalVia?.endsWith(OWNER + mailbox) === true
}

function originIn({ principalVia }: { readonly principalVia?: string | null | undefined }): string | null {
  return principalVia?.split(OWNER)[0] || null
}

/** Returns the principal whose key signed the request that made the session, or that began its redirect; or null. */
export function keyThatMade(session: AskingSession): string | null {
  const origin = originIn(session)
  return origin === DELEGATED ? null : origin?.replace(/^(credential:?|begun:)/, '') || null
}

/** Returns the principal whose key made the session, without a credential and in the browser that asks; or null. */
export function keyAlone(session: AskingSession): string | null {
  return isBegun(session) || isByCredential(session) ? null : keyThatMade(session)
}

/** Returns true if the key that the account is bound to, or a credential of its creator, made the session. */
export function isMakers(session: AskingSession, { principal }: BoundUser): boolean {
  const key = keyAlone(session)
  return isByCredential(session) || (key !== null && key === principal)
}

function isByCredential(session: AskingSession): boolean {
  return originIn(session)?.split(':')[0] === CREDENTIAL
}
