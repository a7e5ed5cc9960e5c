import type { DBTransactionAdapter } from 'better-auth'
import { LatchkeyError } from '../../lib/server.ts'
import type { BoundUser, PrincipalRow } from './schema.ts'

/** The part of a database adapter that works inside a transaction too. */
export type Adapter = DBTransactionAdapter

/** The device that proved itself. */
export interface ProvenDevice {
  readonly principal: string
  readonly thumbprint: string
}

/** Who an account is to the rest of the world. */
export interface Subject {
  readonly accountId: string
  /** `sub` of everything that is issued for the account. */
  readonly principal: string
  readonly aliases: readonly string[]
  /** A verified identifier brings the account back without the device. */
  readonly recoverable: boolean
}

const LOCK = 'latchkeyPrincipal'

/** How long a principal stays reserved for an account that is being made, in milliseconds. */
const RESERVATION = 15 * 60 * 1000

/** A value that no earlier binding had. */
export function newEpoch(): string {
  return crypto.randomUUID()
}

/**
 * Puts the principal's row into the lock before any user has it. The same key may come again: after a crash the
 * row of the first try is still there.
 *
 * @returns the epoch that the user's row has to carry
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`
 */
export async function reserve(adapter: Adapter, device: ProvenDevice, now: Date): Promise<string> {
  const { principal, thumbprint } = device
  const fields = { kind: 'reserved', epoch: newEpoch(), until: new Date(now.getTime() + RESERVATION) }
  const row = await findRow(adapter, principal)
  if (!row) await insertRow(adapter, { principal, thumbprint, ...fields })
  else if (row.kind !== 'reserved' || row.thumbprint !== thumbprint || (await isHeld(adapter, principal))) throw taken()
  else if (!(await changeRow(adapter, row, fields))) throw taken()
  return fields.epoch
}

function findRow(adapter: Adapter, principal: string): Promise<PrincipalRow | null> {
  return adapter.findOne<PrincipalRow>({ model: LOCK, where: [{ field: 'principal', value: principal }] })
}

async function insertRow(adapter: Adapter, row: object): Promise<void> {
  try {
    await adapter.create({ model: LOCK, data: row })
  } catch {
    // The column is unique: another request was first.
    throw taken()
  }
}

/** Changes a row only if nobody changed it since it was read. */
async function changeRow(adapter: Adapter, { principal, kind, epoch }: PrincipalRow, update: object): Promise<boolean> {
  const where = [
    { field: 'principal', value: principal },
    { field: 'kind', value: kind },
    { field: 'epoch', value: epoch },
  ]
  return (await adapter.updateMany({ model: LOCK, where, update })) === 1
}

async function isHeld(adapter: Adapter, principal: string): Promise<boolean> {
  return (await adapter.findOne({ model: 'user', where: [{ field: 'principal', value: principal }] })) !== null
}

function taken(): LatchkeyError {
  return new LatchkeyError('PRINCIPAL_TAKEN')
}

/**
 * Makes a device's principal the canonical one of an open account. The update races with the account's first use,
 * which closes it; the user id becomes an alias in the same step, since an app may have used it already.
 *
 * @returns whether the account took it
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`
 */
export async function claim(adapter: Adapter, userId: string, device: ProvenDevice, now: Date): Promise<boolean> {
  const epoch = await reserve(adapter, device, now)
  await prepareAlias(adapter, userId, epoch)
  return changeOpenUser(adapter, userId, { principal: device.principal, principalOpen: false, principalEpoch: epoch })
}

/** An alias counts only in its user's epoch, so the row may be there before the user takes that epoch. */
async function prepareAlias(adapter: Adapter, userId: string, epoch: string): Promise<void> {
  const row = await findRow(adapter, userId)
  if (!row) await insertRow(adapter, { principal: userId, userId, kind: 'alias', epoch })
  else if (row.userId !== userId || !(await changeRow(adapter, row, { epoch }))) throw taken()
}

async function changeOpenUser(adapter: Adapter, userId: string, update: Partial<BoundUser>): Promise<boolean> {
  const where = [
    { field: 'id', value: userId },
    { field: 'principal', value: null },
    { field: 'principalOpen', value: true },
  ]
  return (await adapter.updateMany({ model: 'user', where, update })) === 1
}

/**
 * Says who an account is, and fixes it: from now on the answer for `principal` never changes.
 * What a crash left half done is completed on the way.
 *
 * @returns null where there is no such user
 */
export async function subjectOf(adapter: Adapter, userId: string, now: Date): Promise<Subject | null> {
  const user = await pinnedUser(adapter, userId)
  if (!user) return null
  const rows = await rowsOf(adapter, user)
  const canonical = rows.find((row) => row.principal === user.principal)
  const isBound = canonical !== undefined && (await isConfirmed(adapter, user, canonical, now))
  const aliases = rows.filter(({ kind, userId: owner, epoch }) => kind === 'alias' && owner === user.id && epoch === user.principalEpoch)
  return {
    accountId: user.id,
    principal: isBound ? canonical.principal : user.id,
    aliases: isBound ? aliases.map(({ principal }) => principal) : [],
    recoverable: user.emailVerified,
  }
}

async function pinnedUser(adapter: Adapter, userId: string): Promise<BoundUser | null> {
  const user = await findUser(adapter, userId)
  if (!user?.principalOpen) return user
  await changeOpenUser(adapter, userId, { principalOpen: false })
  return findUser(adapter, userId)
}

function findUser(adapter: Adapter, userId: string): Promise<BoundUser | null> {
  return adapter.findOne<BoundUser>({ model: 'user', where: [{ field: 'id', value: userId }] })
}

async function rowsOf(adapter: Adapter, { id, principal }: BoundUser): Promise<PrincipalRow[]> {
  if (!principal) return []
  const where = [
    { field: 'userId', value: id, connector: 'OR' as const },
    { field: 'principal', value: principal, connector: 'OR' as const },
  ]
  return adapter.findMany<PrincipalRow>({ model: LOCK, where })
}

/** A user's principal counts while its lock row names the user; a reservation in the user's epoch is completed. */
async function isConfirmed(adapter: Adapter, user: BoundUser, row: PrincipalRow, now: Date): Promise<boolean> {
  if (row.epoch !== user.principalEpoch) return false
  if (row.kind === 'canonical') return row.userId === user.id
  if (row.kind !== 'reserved') return false
  await audit(adapter, 'bind', user, now)
  const confirmed = await changeRow(adapter, row, { kind: 'canonical', userId: user.id, until: null })
  return confirmed || (await findRow(adapter, row.principal))?.userId === user.id
}

/**
 * Says whether a device key is still a way in. It stays one until its account can be recovered without it,
 * so that a forgotten password loses nothing.
 */
export async function statusOf(adapter: Adapter, principal: string, thumbprint: string): Promise<'active' | 'disabled'> {
  const row = await findRow(adapter, principal)
  if (!row) return 'active'
  if (row.kind === 'retired' || (row.thumbprint !== null && row.thumbprint !== thumbprint)) return 'disabled'
  if (row.kind === 'reserved' && !row.userId) return 'active'
  const user = await findUser(adapter, row.userId ?? '')
  return user && !user.emailVerified ? 'active' : 'disabled'
}

async function audit(adapter: Adapter, act: 'bind', { id, principal, principalEpoch }: BoundUser, now: Date): Promise<void> {
  const name = `${act}:${principal}:${principalEpoch}`
  const known = await adapter.findOne({ model: 'latchkeyAudit', where: [{ field: 'act', value: name }] })
  if (known) return
  await adapter.create({ model: 'latchkeyAudit', data: { act: name, principal, userId: id, createdAt: now } }).catch((error: unknown) => {
    // Two requests complete the same binding: one row is enough, whoever wrote it.
    return adapter.findOne({ model: 'latchkeyAudit', where: [{ field: 'act', value: name }] }).then((row) => {
      if (!row) throw error
    })
  })
}
