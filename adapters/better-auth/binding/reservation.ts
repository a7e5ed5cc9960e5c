import { LatchkeyError, namespacedPrincipal } from '../../../lib/server.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { audit } from './audit.ts'
import { isRevokedKey } from './keys.ts'
import { NOBODYS, endOf, isBinding, isCurrent, isHold, isKept, newEpoch, taken } from './principal-row.ts'
import type { PrincipalStore } from './principal-store.ts'
import type { ProvenDevice } from './types.ts'

/**
 * Inserts the principal's lock row before any user has the principal. The same key may repeat this while its own
 * reservation is valid: both then have one epoch, and the database accepts only one of the users.
 *
 * @returns the epoch for the user's row
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function reserve(principals: PrincipalStore, device: ProvenDevice): Promise<string> {
  const row = await principals.find(device.principal)
  if (row) return reenter(principals, row, device)
  const epoch = newEpoch()
  await principals.insert({ ...device, kind: 'reserved', epoch, until: endOf(principals.now) })
  return epoch
}

async function reenter(principals: PrincipalStore, found: PrincipalRow, device: ProvenDevice): Promise<string> {
  const row = await assertFree(principals, found, device, null)
  const isLive =
    row.kind === 'reserved' &&
    row.userId === null &&
    row.issuer === null &&
    row.until !== null &&
    row.until > principals.now
  // An expired epoch is never used again: a server that stalled meanwhile must not complete its user.
  const epoch = isLive ? row.epoch : newEpoch()
  const isDone = await principals.atomically((trx) =>
    replaceRow(trx, row, { ...NOBODYS, kind: 'reserved', epoch, until: endOf(principals.now) }),
  )
  if (!isDone) throw taken()
  return epoch
}

/** Changes a row without an owner, and records its owner before a reset, if that was not recorded yet. */
export async function replaceRow(
  principals: PrincipalStore,
  row: PrincipalRow,
  update: Partial<PrincipalRow>,
): Promise<boolean> {
  if (!(await principals.change(row, update))) return false
  if (isBinding(row)) await audit(principals, 'reset', row)
  return true
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
  principals: PrincipalStore,
  userId: string,
  device: ProvenDevice,
): Promise<Reservation> {
  const found = await principals.find(device.principal)
  // A hold for an account that no longer exists does not belong to this account.
  const isHeld = found !== null && found.userId === userId && isHold(found, principals.now)
  const row: PrincipalRow = {
    ...device,
    ...NOBODYS,
    kind: 'reserved',
    userId,
    epoch: newEpoch(),
    until: isHeld ? found.until : endOf(principals.now),
  }
  const before = isHeld ? { kind: 'held' as const } : { userId: null, until: null }
  if (!found) {
    await principals.insert(row)
    return { row, before: null }
  }
  await takeOver(principals, await assertFree(principals, found, device, userId), row)
  return { row, before }
}

/**
 * Turns an unused row into a reservation.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was faster
 */
export async function takeOver(principals: PrincipalStore, found: PrincipalRow, row: PrincipalRow): Promise<void> {
  // Atomic if there are transactions: no other request may see a user without its row in between.
  const isDone = await principals.atomically(async (trx) => {
    if (!(await trx.change(found, row))) return false
    // A sign-up with the same key may have created its user since the row was read: then it was faster.
    const isFree = !(await trx.findUser('principal', row.principal))
    if (!isFree) await trx.change(row, found)
    else if (isBinding(found)) await audit(trx, 'reset', found)
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
  principals: PrincipalStore,
  row: PrincipalRow,
  device: ProvenDevice,
  userId: string | null,
): Promise<PrincipalRow> {
  await checkRow(principals, row, device, userId)
  return reclaim(principals, row)
}

/**
 * Refuses a device whose principal a new account could not have, without changing anything.
 *
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function checkFree(
  principals: PrincipalStore,
  device: ProvenDevice,
  userId: string | null = null,
): Promise<void> {
  const row = await principals.find(device.principal)
  if (row) await checkRow(principals, row, device, userId)
}

async function checkRow(
  principals: PrincipalStore,
  row: PrincipalRow,
  { thumbprint }: ProvenDevice,
  userId: string | null,
): Promise<void> {
  if (row.thumbprint !== thumbprint) throw taken()
  if (row.userId !== userId && (await isKeptForAccount(principals, row))) throw taken()
  if (await isRevokedKey(principals, thumbprint)) throw new LatchkeyError('PROOF_KEY_REVOKED')
  if ((await holderInUse(principals, row)) !== 'nobody') throw taken()
}

/**
 * Like {@link holderOf}, but an account that was created by a sign-up without a session holds nothing before it is
 * used: what the key is told must not depend on whether the address had an account already.
 */
export async function holderInUse(principals: PrincipalStore, row: PrincipalRow): ReturnType<typeof holderOf> {
  const holder = await holderOf(principals, row)
  return typeof holder === 'object' && isUnused(row, holder) ? 'nobody' : holder
}

/**
 * Returns true if an account was created with the principal by a sign-up that gave no session, and has not been used
 * since: it has no verified identifier, and its subject was never read. Its address may be mistyped, and then the
 * device could never sign in to it. So the key may bind its principal to another account.
 */
function isUnused(row: PrincipalRow, user: BoundUser): boolean {
  const isVerified = user.emailVerified || user.phoneNumberVerified === true || user.principalMailbox != null
  return user.principalOpen === true && row.kind === 'reserved' && !isVerified && isCurrent(row, user)
}

/** Like {@link isKept}, but not for an account that was deleted: no request of it can link the principal. */
export async function isKeptForAccount(principals: PrincipalStore, row: PrincipalRow): Promise<boolean> {
  return isKept(row, principals.now) && (await principals.findUser('id', row.userId!)) !== null
}

/**
 * Returns the holder of a row's principal. A row is valid only together with the user that it names, or that names it.
 */
export async function holderOf(
  principals: PrincipalStore,
  row: PrincipalRow,
): Promise<BoundUser | 'nobody' | 'retired' | 'external'> {
  if (row.kind === 'retired') return 'retired'
  if (row.issuer !== null && row.subject !== null)
    return (await isExternal(principals, row.issuer, row.subject, row.epoch)) ? 'external' : 'nobody'
  if (row.kind === 'held' || (row.kind === 'reserved' && row.userId !== null)) return 'nobody'
  const user =
    row.userId === null
      ? await principals.findUser('principal', row.principal)
      : await principals.findUser('id', row.userId)
  if (user) return isCurrent(row, user) ? user : 'nobody'
  // A deleted user keeps its principal permanently.
  return row.userId === null ? 'nobody' : 'retired'
}

/** An account of another provider has its own row, whose epoch identifies its principal. */
async function isExternal(
  principals: PrincipalStore,
  issuer: string,
  subject: string,
  epoch: string,
): Promise<boolean> {
  return (await principals.find(await namespacedPrincipal(issuer, subject)))?.epoch === epoch
}

/**
 * A user whose server stalled past its reservation has the column but not the lock: the column is cleared. So is the
 * column of a user whose binding is unused; its account is open again.
 */
async function reclaim(principals: PrincipalStore, row: PrincipalRow): Promise<PrincipalRow> {
  const user = await principals.findUser('principal', row.principal)
  if (!user) return row
  // The row gets its epoch before the user does: only a row that is unchanged after the user was read shows that the
  // user lost it.
  const present = await principals.find(row.principal)
  if (present?.epoch !== row.epoch || present.kind !== row.kind) throw taken()
  const isReleased = isCurrent(present, user)
  const free = isReleased ? await release(principals, present, user) : row
  await principals.changeUser(user, { principal: null, principalEpoch: null, principalOpen: isReleased })
  return free
}

/** Ends an unused binding. If its account is being used at this moment, the first to change the row decides. */
async function release(principals: PrincipalStore, row: PrincipalRow, user: BoundUser): Promise<PrincipalRow> {
  const epoch = newEpoch()
  if (!isUnused(row, user) || !(await principals.change(row, { epoch }))) throw taken()
  return { ...row, epoch }
}
