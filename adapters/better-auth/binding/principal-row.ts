import { LatchkeyError } from '../../../lib/server.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'

/** The columns of a row that names no account. */
export const NOBODYS = { userId: null, issuer: null, subject: null } as const

/** How long a principal is reserved for an account that is being created, in milliseconds. */
const RESERVATION_MS = 15 * 60 * 1000

/** Returns a value that no earlier binding had. */
export function newEpoch(): string {
  return crypto.randomUUID()
}

/** Returns the error for a principal that belongs to another account. */
export function taken(): LatchkeyError {
  return new LatchkeyError('PRINCIPAL_TAKEN')
}

/** Returns true if the row says that an account has the principal, or had it until a reset. */
export function isBinding({ kind, userId }: PrincipalRow): boolean {
  return (kind === 'canonical' || kind === 'alias') && userId !== null
}

/**
 * Returns true if the row is kept for the account that it names: it is being linked, or was an alias until recently.
 */
export function isKept({ kind, userId, until }: PrincipalRow, now: Date): boolean {
  return (kind === 'reserved' || kind === 'held') && userId !== null && until !== null && until > now
}

/**
 * True also while another device is linking it again, or after a server died during that: the reservation then lasts as
 * long as the hold.
 */
export function isHold(row: PrincipalRow, now: Date): boolean {
  return isKept(row, now) && (row.kind === 'held' || row.until! > endOf(now))
}

/** Returns the expiry of a reservation that is made now. */
export function endOf(now: Date): Date {
  return new Date(now.getTime() + RESERVATION_MS)
}

/** A row is valid only in its user's epoch; the account's own id belongs to it in every epoch. */
export function isCurrent(row: PrincipalRow, user: BoundUser): boolean {
  if (row.kind === 'alias' && row.principal === user.id) return row.userId === user.id
  if (row.kind === 'retired' || row.kind === 'held' || row.epoch !== user.principalEpoch) return false
  if (row.kind === 'alias') return row.userId === user.id
  return row.principal === user.principal && row.userId === (row.kind === 'reserved' ? null : user.id)
}
