import type { DBAdapter } from 'better-auth'
import { LatchkeyError } from '../../../lib/server.ts'
import { audit } from './audit.ts'
import { recordKey } from './keys.ts'
import {
  type Reservation,
  changeRow,
  checkFree,
  changeUser,
  deleteRow,
  isCurrent,
  findRow,
  findUser,
  isKept,
  newEpoch,
  reserveFor,
  rowsOf,
  taken,
} from './principal-store.ts'
import { isMailboxProven, mailboxOf } from './verified-email.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import type { Subject } from './subject.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** Largest number of aliases of one account. */
const MOST = 16

/** How long only the account that removed an alias can link it again, in milliseconds. */
const HOLD = 30 * 86_400_000

/** A principal that an account adopts. */
export interface Link {
  readonly accountId: string
  /** The account's principal. */
  readonly principal: string
  /** The adopted principal. */
  readonly alias: string
}

/**
 * The app's handling of a link, called before the link is current. In the same transaction if the database has
 * transactions.
 */
export type BeforeLink = (link: Link, adapter: Adapter) => Promise<void>

/**
 * Makes a device's principal an alias of an account whose own principal is fixed. Meanwhile no other account can take
 * it, and it becomes an alias only with the last statement.
 *
 * @param subject - the account's subject
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`, `ALIASES_FULL`, `PROOF_LINK_MISMATCH`; errors of
 *   `before`
 */
export async function adopt(
  adapter: DBAdapter,
  subject: Subject,
  device: ProvenDevice,
  before: BeforeLink,
  now: Date,
): Promise<void> {
  await checkFree(adapter, device, now, subject.accountId)
  const user = await accountOf(adapter, subject)
  const reserved = await reserveFor(adapter, user.id, device, now)
  try {
    if ((await countAliases(adapter, user, subject, now)) > MOST) throw new LatchkeyError('ALIASES_FULL')
    await linkUnchanged(adapter, { user, subject, device, row: reserved.row, before, now })
  } catch (error) {
    // If this fails too, the reservation expires.
    await restore(adapter, reserved).catch(() => false)
    throw error
  }
}

async function restore(adapter: Adapter, { row, before }: Reservation): Promise<void> {
  await (before ? changeRow(adapter, row, before) : deleteRow(adapter, row))
}

interface Linking {
  readonly user: BoundUser
  readonly subject: Subject
  readonly device: ProvenDevice
  readonly row: PrincipalRow
  readonly before: BeforeLink
  readonly now: Date
}

/** If another device of the account was faster and gave it its first epoch, once more. */
async function linkUnchanged(adapter: DBAdapter, linking: Linking): Promise<void> {
  if (await adapter.transaction((trx) => link(trx, linking))) return
  await linkUnchanged(adapter, { ...linking, user: await accountOf(adapter, linking.subject) })
}

/**
 * The app decides before anything is changed: without transactions, too, a refusal leaves every table as it was.
 *
 * @returns false if the account has changed since it was read
 */
async function link(adapter: Adapter, { user, subject, device, row, before, now }: Linking): Promise<boolean> {
  if (!(await lockUser(adapter, user))) return false
  if (!(await hasPrincipal(adapter, user, subject.principal))) throw changed()
  await before({ accountId: user.id, principal: subject.principal, alias: row.principal }, adapter)
  const { principalEpoch: epoch } = await withEpoch(adapter, subject, user)
  await recordKey(adapter, device, now)
  await audit(adapter, 'link', row, now)
  if (!(await changeRow(adapter, row, { kind: 'alias', epoch: epoch!, until: null }))) throw taken()
  return true
}

/**
 * If there are transactions: a concurrent reset waits, and then sees the alias. First of all, since SQLite refuses a
 * transaction that reads before it writes.
 */
function lockUser(adapter: Adapter, user: BoundUser): Promise<boolean> {
  // With its time, which an update would set.
  const { principalEpoch = null, updatedAt } = user as BoundUser & { readonly updatedAt?: Date }
  return changeUser(adapter, user, { principalEpoch, ...(updatedAt && { updatedAt }) })
}

async function accountOf(adapter: Adapter, { accountId }: Subject): Promise<BoundUser> {
  const user = await findUser(adapter, 'id', accountId)
  if (!user) throw changed()
  return user
}

/** The account's principal is no longer the one that the proof names. */
function changed(): LatchkeyError {
  return new LatchkeyError('PROOF_LINK_MISMATCH')
}

/** An alias is valid in its user's epoch. An account whose principal is its own id gets its first epoch here. */
async function withEpoch(adapter: Adapter, subject: Subject, user: BoundUser): Promise<BoundUser> {
  if (!(await hasPrincipal(adapter, user, subject.principal))) throw changed()
  if (user.principalEpoch != null && subject.principal === (user.principal ?? user.id)) return user
  const isProven = user.emailVerified || isMailboxProven(user)
  const update = {
    principal: null,
    principalOpen: false,
    principalEpoch: newEpoch(),
    principalMailbox: isProven ? mailboxOf(user) : null,
  }
  // If another device of the same account was faster, its epoch is used.
  if (await changeUser(adapter, user, update)) return { ...user, ...update }
  return withEpoch(adapter, subject, await accountOf(adapter, subject))
}

/** Returns true if the account still has the principal that the proof names. */
async function hasPrincipal(adapter: Adapter, user: BoundUser, principal: string): Promise<boolean> {
  if (user.principalEpoch != null && principal === (user.principal ?? user.id)) return true
  return principal === user.id && !(await isBound(adapter, user))
}

/** A principal column without its lock row does not count; the account's own id is used instead. */
async function isBound(adapter: Adapter, user: BoundUser): Promise<boolean> {
  const row = user.principal == null ? null : await findRow(adapter, user.principal)
  return row !== null && isCurrent(row, user)
}

/** Includes those that are being linked. Two concurrent links for the last place are both refused. */
async function countAliases(adapter: Adapter, user: BoundUser, { principal }: Subject, now: Date): Promise<number> {
  const rows = await rowsOf(adapter, user)
  const isCounted = (row: PrincipalRow): boolean =>
    (row.kind === 'alias' && isCurrent(row, user)) || (row.kind === 'reserved' && isKept(row, now))
  return rows.filter((row) => row.principal !== principal && isCounted(row)).length
}

/**
 * Removes an alias from an account. Its key is immediately active again; for 30 days no other account can take the
 * principal. Idempotent.
 *
 * @throws {LatchkeyError} `ALIAS_UNKNOWN`
 */
export async function giveUp(adapter: DBAdapter, accountId: string, alias: string, now: Date): Promise<void> {
  const row = await findRow(adapter, alias)
  const user = await findUser(adapter, 'id', accountId)
  if (row?.userId === accountId && row.kind === 'held' && isKept(row, now)) return
  // The account's own id has no key that could use it afterwards.
  if (!row || !user || row.thumbprint === null || row.kind !== 'alias' || !isCurrent(row, user))
    throw new LatchkeyError('ALIAS_UNKNOWN')
  const held = { kind: 'held', epoch: newEpoch(), until: new Date(now.getTime() + HOLD) } as const
  const isDone = await adapter.transaction(async (trx) => {
    // Also locks the user if there are transactions: an alias that a concurrent reset releases cannot be removed.
    const isChanged =
      (await changeUser(trx, user, { principalEpoch: user.principalEpoch! })) && (await changeRow(trx, row, held))
    if (isChanged) await audit(trx, 'unlink', { ...row, ...held }, now)
    return isChanged
  })
  if (!isDone) await giveUp(adapter, accountId, alias, now)
}
