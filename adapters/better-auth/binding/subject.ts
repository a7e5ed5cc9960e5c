import type { Where } from 'better-auth'
import { LatchkeyError, hasPrincipalForm } from '../../../lib/server.ts'
import { isUniqueViolation } from '../../../lib/server-kit.ts'
import { audit } from './audit.ts'
import { recordKey } from './keys.ts'
import type { PrincipalStore } from './principal-store.ts'
import { repeatStatement } from './repeat.ts'
import { isCurrent, taken } from './principal-row.ts'
import { isRecoverable, releaseStale, settleMailbox } from './verified-email.ts'
import type { Subject } from './types.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import type { AskingSession } from './session-origin.ts'

/**
 * Returns the subject of an account, and fixes it: from now on `principal` never changes. Completes what a crash left
 * unfinished.
 *
 * @param asking - the session of the request, which can decide a contested binding
 * @returns null if there is no such user
 */
export async function subjectOf(
  principals: PrincipalStore,
  userId: string,
  asking?: AskingSession,
): Promise<Subject | null> {
  const found = await principals.findUser('id', userId)
  const user = found && (await settleMailbox(principals, (await pinned(principals, found)) ?? found, asking))
  return user && readSubject(principals, user)
}

/** Like {@link subjectOf}, but an open account stays open. */
export async function peekSubject(
  principals: PrincipalStore,
  userId: string,
  asking?: AskingSession,
): Promise<(Subject & { readonly open: boolean }) | null> {
  const found = await principals.findUser('id', userId)
  const user = found && (await settleMailbox(principals, found, asking))
  const subject = user && (await readSubject(principals, user))
  return subject && { ...subject, open: isOpen(user!) }
}

/** Returns true if the account was created without a proof, and its subject was never read. */
export function isOpen({ principal, principalOpen }: BoundUser): boolean {
  return principalOpen === true && principal == null
}

/** @returns null if the account was deleted since it was read */
async function readSubject(principals: PrincipalStore, user: BoundUser): Promise<Subject | null> {
  const rows = user.principal || user.principalEpoch ? await principals.rowsOf(user) : []
  await releaseStale(principals, user, rows)
  const canonical = rows.find((row) => row.principal === user.principal)
  const isBound = canonical !== undefined && (await isConfirmed(principals, user, canonical))
  // If it was reset since it was read, its own id would be wrong for both bindings.
  const present = user.principal && !isBound ? await principals.findUser('id', user.id) : null
  if (present && present.principalEpoch !== user.principalEpoch) return readSubject(principals, present)
  const principal = isBound ? canonical.principal : await ownId(principals, user)
  if (principal === null) return null
  // A principal without its lock row does not belong to the account, and neither do the aliases linked to it.
  const linked =
    isBound || user.principal == null ? rows.filter((row) => row.kind === 'alias' && isCurrent(row, user)) : []
  return {
    accountId: user.id,
    principal,
    aliases: linked.map((row) => row.principal).filter((alias) => alias !== principal),
    recoverable: isRecoverable(user),
  }
}

/**
 * Returns true for ids that are not for users: the principals of devices, and those of other providers' accounts, which
 * begin with `urn:latchkey:`. Case-insensitive, as some databases compare.
 */
export function isReservedId(id: string): boolean {
  return hasPrincipalForm(id) || /^urn:latchkey:/i.test(id)
}

/**
 * Returns the account's own id as its principal.
 *
 * @returns null if the account was deleted since it was read: its id is retired by then
 * @throws {LatchkeyError} `USER_ID_FORBIDDEN`: a device could prove it, an account of another provider
 *   could have it, or the lock gives it to another account
 */
async function ownId(principals: PrincipalStore, { id }: BoundUser): Promise<string | null> {
  const row = await principals.find(id)
  const isOwn = row === null || (row.userId === id && row.kind !== 'retired')
  if (!isOwn && !(await principals.findUser('id', id))) return null
  if (!isOwn || isReservedId(id)) throw new LatchkeyError('USER_ID_FORBIDDEN')
  return id
}

async function pinned(principals: PrincipalStore, user: BoundUser): Promise<BoundUser | null> {
  if (!isOpen(user)) return user
  await changeOpenUser(principals, user.id, { principalOpen: false })
  return principals.findUser('id', user.id)
}

/**
 * Changes an account only while it is open.
 *
 * @param more - further conditions
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another account took the principal concurrently
 */
export async function changeOpenUser(
  principals: PrincipalStore,
  userId: string,
  update: Partial<BoundUser>,
  more: readonly Where[] = [],
): Promise<boolean> {
  const where = [
    { field: 'id', value: userId },
    { field: 'principal', value: null },
    { field: 'principalOpen', value: true },
    ...more,
  ]
  try {
    const { adapter } = principals
    return (await repeatStatement(() => adapter.updateMany({ model: 'user', where, update }))) === 1
  } catch (error) {
    throw isUniqueViolation(error) ? taken() : error
  }
}

/** A user's principal is valid while its lock row names the user. A reservation in the user's epoch is completed. */
async function isConfirmed(principals: PrincipalStore, user: BoundUser, row: PrincipalRow): Promise<boolean> {
  if (!isCurrent(row, user)) return false
  return row.kind === 'canonical' || (await confirm(principals, user, row))
}

/** Completes a binding. The row changes last: until it does, the next read completes the missing parts. */
export async function confirm(principals: PrincipalStore, user: BoundUser, row: PrincipalRow): Promise<boolean> {
  await audit(principals, 'bind', { ...row, userId: user.id })
  if (row.thumbprint !== null) await recordKey(principals, { principal: row.principal, thumbprint: row.thumbprint })
  // A sign-up that gave no session left it open for another one with the same key.
  if (user.principalOpen === true) await principals.changeUser(user, { principalOpen: false })
  const isChanged = await principals.change(row, { kind: 'canonical', userId: user.id, until: null })
  return isChanged || (await principals.find(row.principal))?.userId === user.id
}
