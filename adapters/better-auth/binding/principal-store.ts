import type { DBAdapter, Where } from 'better-auth'
import { LatchkeyError, namespacedPrincipal } from '../../../lib/server.ts'
import { audit } from './audit.ts'
import { isRevokedKey } from './keys.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { insertUnique } from './unique.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** Runs work atomically if there are transactions: in the open one, or in a new one. */
export function atomically<Result>(
  adapter: Adapter | DBAdapter,
  work: (trx: Adapter) => Promise<Result>,
): Promise<Result> {
  return 'transaction' in adapter ? adapter.transaction(work) : work(adapter)
}

const LOCK = 'latchkeyPrincipal'

/** The columns of a row that names no account. */
const NOBODYS = { userId: null, issuer: null, subject: null } as const

/** How long a principal is reserved for an account that is being created, in milliseconds. */
const RESERVATION = 15 * 60 * 1000

/** Returns a value that no earlier binding had. */
export function newEpoch(): string {
  return crypto.randomUUID()
}

/** Returns the error for a principal that belongs to another account. */
export function taken(): LatchkeyError {
  return new LatchkeyError('PRINCIPAL_TAKEN')
}

/**
 * Inserts the principal's lock row before any user has the principal. The same key may repeat this while its own
 * reservation is valid: both then have one epoch, and the database accepts only one of the users.
 *
 * @returns the epoch for the user's row
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function reserve(adapter: Adapter, device: ProvenDevice, now: Date): Promise<string> {
  const row = await findRow(adapter, device.principal)
  if (row) return reenter(adapter, row, device, now)
  const epoch = newEpoch()
  await insertRow(adapter, { ...device, kind: 'reserved', epoch, until: endOf(now) })
  return epoch
}

async function reenter(adapter: Adapter, found: PrincipalRow, device: ProvenDevice, now: Date): Promise<string> {
  const row = await assertFree(adapter, found, device, null, now)
  const isLive =
    row.kind === 'reserved' && row.userId === null && row.issuer === null && row.until !== null && row.until > now
  // An expired epoch is never used again: a server that stalled meanwhile must not complete its user.
  const epoch = isLive ? row.epoch : newEpoch()
  const isDone = await atomically(adapter, (trx) =>
    replaceRow(trx, row, { ...NOBODYS, kind: 'reserved', epoch, until: endOf(now) }, now),
  )
  if (!isDone) throw taken()
  return epoch
}

/** Changes a row without an owner, and records its owner before a reset, if that was not recorded yet. */
export async function replaceRow(
  adapter: Adapter,
  row: PrincipalRow,
  update: Partial<PrincipalRow>,
  now: Date,
): Promise<boolean> {
  if (!(await changeRow(adapter, row, update))) return false
  if (isBinding(row)) await audit(adapter, 'reset', row, now)
  return true
}

/** Returns true if the row says that an account has the principal, or had it until a reset. */
export function isBinding({ kind, userId }: PrincipalRow): boolean {
  return (kind === 'canonical' || kind === 'alias') && userId !== null
}

/** A row that is reserved for an account. */
export interface Reservation {
  readonly row: PrincipalRow
  /** What to restore if the link fails; null: there was no row. */
  readonly before: Partial<PrincipalRow> | null
}

/**
 * Reserves a principal for one account while it is being linked. A row that is held for the account stays held if the
 * server dies.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function reserveFor(
  adapter: DBAdapter,
  userId: string,
  device: ProvenDevice,
  now: Date,
): Promise<Reservation> {
  const found = await findRow(adapter, device.principal)
  // A hold of an account that is gone is none of this account's.
  const isHeld = found !== null && found.userId === userId && isHold(found, now)
  const row: PrincipalRow = {
    ...device,
    ...NOBODYS,
    kind: 'reserved',
    userId,
    epoch: newEpoch(),
    until: isHeld ? found.until : endOf(now),
  }
  const before = isHeld ? { kind: 'held' as const } : { userId: null, until: null }
  if (!found) {
    await insertRow(adapter, row)
    return { row, before: null }
  }
  await takeOver(adapter, await assertFree(adapter, found, device, userId, now), row, now)
  return { row, before }
}

/**
 * Turns an unused row into a reservation.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was faster
 */
export async function takeOver(adapter: DBAdapter, found: PrincipalRow, row: PrincipalRow, now: Date): Promise<void> {
  // Atomic if there are transactions: no other request may see a user without its row in between.
  const isDone = await adapter.transaction(async (trx) => {
    if (!(await changeRow(trx, found, row))) return false
    // A sign-up with the same key may have created its user since the row was read: then it was faster.
    const isFree = !(await findUser(trx, 'principal', row.principal))
    if (!isFree) await changeRow(trx, row, found)
    else if (isBinding(found)) await audit(trx, 'reset', found, now)
    return isFree
  })
  if (!isDone) throw taken()
}

/**
 * Ensures that a device can take its principal. Removes it from users that have only the column, and from a user whose
 * binding is unused.
 *
 * @param userId - the account of the request; null if it is not created yet, or is open
 * @returns the row as it is now
 */
export async function assertFree(
  adapter: Adapter,
  row: PrincipalRow,
  device: ProvenDevice,
  userId: string | null,
  now: Date,
): Promise<PrincipalRow> {
  await checkRow(adapter, row, device, userId, now)
  return reclaim(adapter, row)
}

/**
 * Refuses a device whose principal a new account could not have, without changing anything.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function checkFree(
  adapter: Adapter,
  device: ProvenDevice,
  now: Date,
  userId: string | null = null,
): Promise<void> {
  const row = await findRow(adapter, device.principal)
  if (row) await checkRow(adapter, row, device, userId, now)
}

async function checkRow(
  adapter: Adapter,
  row: PrincipalRow,
  { thumbprint }: ProvenDevice,
  userId: string | null,
  now: Date,
): Promise<void> {
  if (row.thumbprint !== thumbprint) throw taken()
  if (row.userId !== userId && (await isKeptForAccount(adapter, row, now))) throw taken()
  if (await isRevokedKey(adapter, thumbprint)) throw new LatchkeyError('PROOF_KEY_REVOKED')
  const holder = await holderOf(adapter, row)
  if (holder !== 'nobody' && !(typeof holder === 'object' && isUnused(row, holder))) throw taken()
}

/**
 * Returns true if an account was created with the principal by a sign-up that gave no session, and nobody has used it
 * since: it has no verified identifier, and its subject was never read. Its address may be mistyped, and then the device
 * could never sign in to it. So the key may bind its principal to another account.
 */
function isUnused(row: PrincipalRow, user: BoundUser): boolean {
  const isVerified = user.emailVerified || user.phoneNumberVerified === true || user.principalMailbox != null
  return user.principalOpen === true && row.kind === 'reserved' && !isVerified && isCurrent(row, user)
}

/**
 * Returns true if the row is kept for the account that it names: it is being linked, or was an alias until recently.
 */
export function isKept({ kind, userId, until }: PrincipalRow, now: Date): boolean {
  return (kind === 'reserved' || kind === 'held') && userId !== null && until !== null && until > now
}

/** Like {@link isKept}, but not for an account that was deleted: no request of it can link the principal. */
export async function isKeptForAccount(adapter: Adapter, row: PrincipalRow, now: Date): Promise<boolean> {
  return isKept(row, now) && (await findUser(adapter, 'id', row.userId!)) !== null
}

/**
 * True also while another device is linking it again, or after a server died during that: the reservation then lasts as
 * long as the hold.
 */
function isHold(row: PrincipalRow, now: Date): boolean {
  return isKept(row, now) && (row.kind === 'held' || row.until! > endOf(now))
}

/** Returns the expiry of a reservation that is made now. */
export function endOf(now: Date): Date {
  return new Date(now.getTime() + RESERVATION)
}

/**
 * Returns the holder of a row's principal. A row is valid only together with the user that it names, or that names it.
 */
export async function holderOf(
  adapter: Adapter,
  row: PrincipalRow,
): Promise<BoundUser | 'nobody' | 'retired' | 'external'> {
  if (row.kind === 'retired') return 'retired'
  if (row.issuer !== null && row.subject !== null)
    return (await isExternal(adapter, row.issuer, row.subject, row.epoch)) ? 'external' : 'nobody'
  if (row.kind === 'held' || (row.kind === 'reserved' && row.userId !== null)) return 'nobody'
  const user =
    row.userId === null
      ? await findUser(adapter, 'principal', row.principal)
      : await findUser(adapter, 'id', row.userId)
  if (user) return isCurrent(row, user) ? user : 'nobody'
  // A deleted user keeps its principal permanently.
  return row.userId === null ? 'nobody' : 'retired'
}

/** An account of another provider has its own row, whose epoch identifies its principal. */
async function isExternal(adapter: Adapter, issuer: string, subject: string, epoch: string): Promise<boolean> {
  return (await findRow(adapter, await namespacedPrincipal(issuer, subject)))?.epoch === epoch
}

/** A row is valid only in its user's epoch; the account's own id belongs to it in every epoch. */
export function isCurrent(row: PrincipalRow, user: BoundUser): boolean {
  if (row.kind === 'alias' && row.principal === user.id) return row.userId === user.id
  if (row.kind === 'retired' || row.kind === 'held' || row.epoch !== user.principalEpoch) return false
  if (row.kind === 'alias') return row.userId === user.id
  return row.principal === user.principal && row.userId === (row.kind === 'reserved' ? null : user.id)
}

/**
 * A user whose server stalled past its reservation has the column but not the lock: the column is cleared. So is the
 * column of a user whose binding is unused; its account is open again.
 */
async function reclaim(adapter: Adapter, row: PrincipalRow): Promise<PrincipalRow> {
  const user = await findUser(adapter, 'principal', row.principal)
  if (!user) return row
  // The row gets its epoch before the user does: only a row that is unchanged after the user was read shows that the
  // user lost it.
  const present = await findRow(adapter, row.principal)
  if (present?.epoch !== row.epoch || present.kind !== row.kind) throw taken()
  const isReleased = isCurrent(present, user)
  const free = isReleased ? await release(adapter, present, user) : row
  await changeUser(adapter, user, { principal: null, principalEpoch: null, principalOpen: isReleased })
  return free
}

/** Ends an unused binding. If its account is being used at this moment, the first to change the row decides. */
async function release(adapter: Adapter, row: PrincipalRow, user: BoundUser): Promise<PrincipalRow> {
  const epoch = newEpoch()
  if (!isUnused(row, user) || !(await changeRow(adapter, row, { epoch }))) throw taken()
  return { ...row, epoch }
}

/** Changes a user's binding only if it is still the one that was read. */
export async function changeUser(
  adapter: Adapter,
  { id, principal, principalEpoch }: BoundUser,
  update: Partial<BoundUser>,
  further: readonly Where[] = [],
): Promise<boolean> {
  const where = [
    { field: 'id', value: id },
    { field: 'principal', value: principal ?? null },
    { field: 'principalEpoch', value: principalEpoch ?? null },
    ...further,
  ]
  return (await adapter.updateMany({ model: 'user', where, update })) === 1
}

/** Like {@link changeUser}, and only if no mailbox was proven since. */
export function changeUnprovenUser(adapter: Adapter, user: BoundUser, update: Partial<BoundUser>): Promise<boolean> {
  return changeUser(adapter, user, update, [{ field: 'principalMailboxBy', value: user.principalMailboxBy ?? null }])
}

/** Reads a user from the database, without any cache. */
export function findUser(adapter: Adapter, field: 'id' | 'principal', value: string): Promise<BoundUser | null> {
  return adapter.findOne<BoundUser>({ model: 'user', where: [{ field, value }] })
}

/** Returns the row of a principal. */
export function findRow(adapter: Adapter, principal: string): Promise<PrincipalRow | null> {
  return adapter.findOne<PrincipalRow>({ model: LOCK, where: [{ field: 'principal', value: principal }] })
}

/** Returns all rows that name a user, and the row of its principal. */
export function rowsOf(adapter: Adapter, { id, principal }: BoundUser): Promise<PrincipalRow[]> {
  const where = [
    { field: 'userId', value: id, connector: 'OR' as const },
    ...(principal ? [{ field: 'principal', value: principal, connector: 'OR' as const }] : []),
  ]
  return adapter.findMany<PrincipalRow>({ model: LOCK, where })
}

/** A new row, without the members that have defaults. */
type NewRow = Pick<PrincipalRow, 'principal' | 'kind' | 'epoch'> & Partial<PrincipalRow>

/** @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was faster */
export async function insertRow(adapter: Adapter, row: NewRow): Promise<void> {
  if (!(await tryInsertRow(adapter, row))) throw taken()
}

/** @returns false if another request was faster */
export function tryInsertRow(adapter: Adapter, row: NewRow): Promise<boolean> {
  // All members are written, since the memory adapter distinguishes missing from null.
  const nothing = { ...NOBODYS, thumbprint: null, until: null }
  return insertUnique(adapter, LOCK, 'principal', { ...nothing, ...row })
}

/** Changes a row only if it is unchanged since it was read. */
export async function changeRow(
  adapter: Adapter,
  { principal, kind, epoch }: PrincipalRow,
  update: Partial<PrincipalRow>,
): Promise<boolean> {
  const where = [
    { field: 'principal', value: principal },
    { field: 'kind', value: kind },
    { field: 'epoch', value: epoch },
  ]
  return (await adapter.updateMany({ model: LOCK, where, update })) === 1
}

/** Deletes a row by which no account ever had the principal. */
export async function deleteRow(
  adapter: Adapter,
  { principal, epoch }: Pick<PrincipalRow, 'principal' | 'epoch'>,
): Promise<void> {
  const where = [
    { field: 'principal', value: principal },
    { field: 'epoch', value: epoch },
  ]
  await adapter.deleteMany({ model: LOCK, where })
}
