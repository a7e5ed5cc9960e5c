import type { DBAdapter } from 'better-auth'
import { LatchkeyError, namespacedPrincipal } from '../../../lib/server.ts'
import { audit } from './audit.ts'
import { isRevokedKey } from './keys.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { insertUnique } from './unique.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** Does work as one step, where there are transactions: as a part of the one that is open, or in one of its own. */
export function atomically<Result>(
  adapter: Adapter | DBAdapter,
  work: (trx: Adapter) => Promise<Result>,
): Promise<Result> {
  return 'transaction' in adapter ? adapter.transaction(work) : work(adapter)
}

const LOCK = 'latchkeyPrincipal'

/** Names no account. */
const NOBODYS = { userId: null, issuer: null, subject: null } as const

/** How long a principal stays reserved for an account that is being made, in milliseconds. */
const RESERVATION = 15 * 60 * 1000

/** A value that no earlier binding had. */
export function newEpoch(): string {
  return crypto.randomUUID()
}

/** What a request gets whose principal is somebody else's. */
export function taken(): LatchkeyError {
  return new LatchkeyError('PRINCIPAL_TAKEN')
}

/**
 * Puts the principal's row into the lock before any user has it. The same key may come again, also while its own
 * reservation is in force: both then carry one epoch, and the database takes one of the users.
 *
 * @returns the epoch that the user's row has to carry
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function reserve(adapter: Adapter, device: ProvenDevice, now: Date): Promise<string> {
  const row = await findRow(adapter, device.principal)
  if (row) return reenter(adapter, row, device, now)
  const epoch = newEpoch()
  await insertRow(adapter, { ...device, kind: 'reserved', epoch, until: endOf(now) })
  return epoch
}

async function reenter(adapter: Adapter, row: PrincipalRow, device: ProvenDevice, now: Date): Promise<string> {
  await assertFree(adapter, row, device, null, now)
  const isLive =
    row.kind === 'reserved' && row.userId === null && row.issuer === null && row.until !== null && row.until > now
  // A lapsed epoch is never used again: a server that stalled meanwhile must not complete its user.
  const epoch = isLive ? row.epoch : newEpoch()
  const isDone = await atomically(adapter, (trx) =>
    replaceRow(trx, row, { ...NOBODYS, kind: 'reserved', epoch, until: endOf(now) }, now),
  )
  if (!isDone) throw taken()
  return epoch
}

/** Changes a row that nobody has, and writes down who had it until a reset, if nobody has done that yet. */
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

/** It says that an account has the principal, or had it until it was reset. */
export function isBinding({ kind, userId }: PrincipalRow): boolean {
  return (kind === 'canonical' || kind === 'alias') && userId !== null
}

/**
 * Keeps a principal for one account while it is linked. A row that is held for the account stays so if the server dies.
 *
 * @returns the row as it is now, and how to leave it if nothing comes of it
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function reserveFor(
  adapter: DBAdapter,
  userId: string,
  device: ProvenDevice,
  now: Date,
): Promise<{ row: PrincipalRow; before: Partial<PrincipalRow> }> {
  const found = await findRow(adapter, device.principal)
  const isHeld = found !== null && isHold(found, now)
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
    return { row, before }
  }
  await assertFree(adapter, found, device, userId, now)
  await takeOver(adapter, found, row, now)
  return { row, before }
}

/**
 * Makes a row that nobody uses somebody's reservation.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was first
 */
export async function takeOver(adapter: DBAdapter, found: PrincipalRow, row: PrincipalRow, now: Date): Promise<void> {
  // In one step, where there are transactions: nobody may see a user without its row in between.
  const isDone = await adapter.transaction(async (trx) => {
    if (!(await changeRow(trx, found, row))) return false
    // A sign-up with the same key can have made its user since the row was read: it was first.
    const isFree = !(await findUser(trx, 'principal', row.principal))
    if (!isFree) await changeRow(trx, row, found)
    else if (isBinding(found)) await audit(trx, 'reset', found, now)
    return isFree
  })
  if (!isDone) throw taken()
}

/**
 * Makes sure that a device can have its principal, and takes it from users that have only the column.
 *
 * @param userId - the account that asks; null: one that is not made yet, or is open
 */
export async function assertFree(
  adapter: Adapter,
  row: PrincipalRow,
  device: ProvenDevice,
  userId: string | null,
  now: Date,
): Promise<void> {
  await checkRow(adapter, row, device, userId, now)
  await reclaim(adapter, row)
}

/**
 * Refuses a device whose principal a new account could not have, without changing anything.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function checkFree(adapter: Adapter, device: ProvenDevice, now: Date): Promise<void> {
  const row = await findRow(adapter, device.principal)
  if (row) await checkRow(adapter, row, device, null, now)
}

async function checkRow(
  adapter: Adapter,
  row: PrincipalRow,
  { thumbprint }: ProvenDevice,
  userId: string | null,
  now: Date,
): Promise<void> {
  if (row.thumbprint !== thumbprint || (isKept(row, now) && row.userId !== userId)) throw taken()
  if (await isRevokedKey(adapter, thumbprint)) throw new LatchkeyError('PROOF_KEY_REVOKED')
  if ((await holderOf(adapter, row)) !== 'nobody') throw taken()
}

/** For the account that it names, and nobody else for now: it is being linked, or was an alias until lately. */
export function isKept({ kind, userId, until }: PrincipalRow, now: Date): boolean {
  return (kind === 'reserved' || kind === 'held') && userId !== null && until !== null && until > now
}

/**
 * Held, also where another device is linking it again, or a server died at it: the reservation then lasts as long as
 * the hold.
 */
function isHold(row: PrincipalRow, now: Date): boolean {
  return isKept(row, now) && (row.kind === 'held' || row.until! > endOf(now))
}

/** When a reservation made now lapses. */
export function endOf(now: Date): Date {
  return new Date(now.getTime() + RESERVATION)
}

/** Who a row's principal belongs to. A row says it only together with the user that it names, or that names it. */
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
  // A user that is gone keeps its principal for ever.
  return row.userId === null ? 'nobody' : 'retired'
}

/** An account of another provider has a row of its own, whose epoch says which principal is its. */
async function isExternal(adapter: Adapter, issuer: string, subject: string, epoch: string): Promise<boolean> {
  return (await findRow(adapter, await namespacedPrincipal(issuer, subject)))?.epoch === epoch
}

/** A row counts in the epoch of its user only; the account's own id is its own in every epoch. */
export function isCurrent(row: PrincipalRow, user: BoundUser): boolean {
  if (row.kind === 'alias' && row.principal === user.id) return row.userId === user.id
  if (row.kind === 'retired' || row.kind === 'held' || row.epoch !== user.principalEpoch) return false
  if (row.kind === 'alias') return row.userId === user.id
  return row.principal === user.principal && row.userId === (row.kind === 'reserved' ? null : user.id)
}

/** A user whose server stalled past its reservation has the column, but not the lock: it gives the column back. */
async function reclaim(adapter: Adapter, row: PrincipalRow): Promise<void> {
  const user = await findUser(adapter, 'principal', row.principal)
  if (!user) return
  // An epoch is the row's before it is a user's: only a row that is the same after the user was read says that the user
  // lost it.
  const present = await findRow(adapter, row.principal)
  if (present?.epoch !== row.epoch || present.kind !== row.kind || isCurrent(present, user)) throw taken()
  await changeUser(adapter, user, { principal: null, principalEpoch: null, principalOpen: false })
}

/** Changes a user's binding only if it is the one that was read. */
export async function changeUser(
  adapter: Adapter,
  { id, principal, principalEpoch }: BoundUser,
  update: Partial<BoundUser>,
): Promise<boolean> {
  const where = [
    { field: 'id', value: id },
    { field: 'principal', value: principal ?? null },
    { field: 'principalEpoch', value: principalEpoch ?? null },
  ]
  return (await adapter.updateMany({ model: 'user', where, update })) === 1
}

/** Reads a user behind every session and cache. */
export function findUser(adapter: Adapter, field: 'id' | 'principal', value: string): Promise<BoundUser | null> {
  return adapter.findOne<BoundUser>({ model: 'user', where: [{ field, value }] })
}

/** The row of a principal. */
export function findRow(adapter: Adapter, principal: string): Promise<PrincipalRow | null> {
  return adapter.findOne<PrincipalRow>({ model: LOCK, where: [{ field: 'principal', value: principal }] })
}

/** Every row that names a user, and the row of its principal. */
export function rowsOf(adapter: Adapter, { id, principal }: BoundUser): Promise<PrincipalRow[]> {
  const where = [
    { field: 'userId', value: id, connector: 'OR' as const },
    ...(principal ? [{ field: 'principal', value: principal, connector: 'OR' as const }] : []),
  ]
  return adapter.findMany<PrincipalRow>({ model: LOCK, where })
}

/** A new row, as far as it has to be told. */
type NewRow = Pick<PrincipalRow, 'principal' | 'kind' | 'epoch'> & Partial<PrincipalRow>

/** @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was first */
export async function insertRow(adapter: Adapter, row: NewRow): Promise<void> {
  if (!(await tryInsertRow(adapter, row))) throw taken()
}

/** @returns false: another request was first */
export function tryInsertRow(adapter: Adapter, row: NewRow): Promise<boolean> {
  // Written out, since the memory adapter tells what is missing from what is null.
  const nothing = { ...NOBODYS, thumbprint: null, until: null }
  return insertUnique(adapter, LOCK, 'principal', { ...nothing, ...row })
}

/** Changes a row only if nobody changed it since it was read. */
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

/** Takes a row out that never had a key. */
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
