import { LatchkeyError } from '../../../lib/server.ts'
import { ALIAS_HOLD_MS, ALIAS_LIMIT } from '../../../lib/server-kit.ts'
import { audit } from './audit.ts'
import { expireBackupsOf } from './expire-backups.ts'
import { recordKey } from './keys.ts'
import type { PrincipalStore } from './principal-store.ts'
import { isCurrent, isKept, newEpoch, taken } from './principal-row.ts'
import { type Reservation, reserveFor, checkFree } from './reservation.ts'
import { hasRevokedKey, retireRow } from './retire-row.ts'
import { isContested, isMailboxProven, mailboxOf } from './verified-email.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import type { Subject } from './types.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** A principal that an account adopts. */
export interface Link {
  readonly accountId: string
  /** The account's principal. */
  readonly principal: string
  /** The adopted principal. */
  readonly alias: string
}

/**
 * The app's handling of a link that is made or removed, called before that takes effect. In the same transaction if the
 * database has transactions.
 */
export type BeforeLink = (link: Link, adapter: Adapter) => Promise<void>

/** An account as it was when the link was allowed. */
export interface LinkingAccount {
  readonly user: BoundUser
  readonly subject: Subject
}

/**
 * Makes a device's principal an alias of an account whose own principal is fixed. Meanwhile no other account can take
 * it, and it becomes an alias only with the last statement.
 *
 * A refused link leaves no trace. Without transactions, this holds for a refusal by `before`, which runs when nothing
 * but the reservation is written. An unused account loses the principal to the reservation permanently.
 *
 * @param account - the link is refused if its mailbox was proven after it was read
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`, `ALIASES_FULL`, `PROOF_LINK_MISMATCH`; errors of
 *   `before`
 */
export async function adopt(
  principals: PrincipalStore,
  account: LinkingAccount,
  device: ProvenDevice,
  before: BeforeLink,
): Promise<void> {
  const { user } = account
  await checkFree(principals, device, user.id)
  const reserved = await reserveFor(principals, user.id, device)
  try {
    await linkUnchanged(principals, { ...account, device, row: reserved.row, before })
  } catch (error) {
    // If this fails too, the reservation expires.
    await restore(principals, reserved).catch(() => false)
    throw error
  }
}

async function restore(principals: PrincipalStore, { row, before }: Reservation): Promise<void> {
  await (before ? principals.change(row, before) : principals.delete(row))
}

interface Linking extends LinkingAccount {
  readonly device: ProvenDevice
  readonly row: PrincipalRow
  readonly before: BeforeLink
}

/** Tries again if another device of the account linked first and gave it its first epoch. */
async function linkUnchanged(principals: PrincipalStore, linking: Linking): Promise<void> {
  const { user, subject } = linking
  if ((await countAliases(principals, user, subject)) > ALIAS_LIMIT) throw new LatchkeyError('ALIASES_FULL')
  // Without transactions a lock would only change the time of the user's last update.
  const lock = principals.adapter.options?.adapterConfig.transaction === false ? isUnchanged : lockUser
  const isLinked = await principals.atomically(async (trx) => (await lock(trx, user)) && (await link(trx, linking)))
  if (!isLinked) await linkUnchanged(principals, { ...linking, user: await withOthersEpoch(principals, linking) })
}

/** The app decides before anything is changed. */
async function link(principals: PrincipalStore, linking: Linking): Promise<true> {
  const { user, subject, device, row, before } = linking
  if (!(await hasPrincipal(principals, linking))) throw changed()
  await before({ accountId: user.id, principal: subject.principal, alias: row.principal }, principals.adapter)
  const epoch = await epochOf(principals, linking)
  if (!(await recordKey(principals, device))) throw taken()
  await audit(principals, 'link', row)
  if (!(await principals.change(row, { kind: 'alias', epoch, until: null }))) throw taken()
  return true
}

/**
 * A concurrent proof of the mailbox waits, and then sees the alias. It is the first statement, since SQLite may refuse
 * the first write of a transaction that has read.
 *
 * @returns false if the user has changed since it was read
 */
function lockUser(principals: PrincipalStore, user: BoundUser): Promise<boolean> {
  return principals.changeUnprovenUser(user, { principalEpoch: user.principalEpoch ?? null })
}

async function isUnchanged(principals: PrincipalStore, user: BoundUser): Promise<boolean> {
  const present = await principals.findUser('id', user.id)
  const fields = ['principal', 'principalEpoch', 'principalMailboxBy'] as const
  return present !== null && fields.every((field) => isEqual(present[field], user[field]))
}

/**
 * Returns the user with the first epoch, which another device of the account gave it since it was read.
 *
 * @throws {LatchkeyError} `PROOF_LINK_MISMATCH`: something else changed
 */
async function withOthersEpoch(principals: PrincipalStore, { user, subject }: LinkingAccount): Promise<BoundUser> {
  const present = await principals.findUser('id', user.id)
  const isFirst = present !== null && !hasFixed({ user, subject }) && hasFixed({ user: present, subject })
  // A proof of the mailbox may have taken the account from the user who asks.
  if (!isFirst || !isEqual(present.principalMailboxBy, user.principalMailboxBy)) throw changed()
  return present
}

function isEqual(one: string | null | undefined, other: string | null | undefined): boolean {
  return (one ?? null) === (other ?? null)
}

/** The account's principal is no longer the one that the proof names. */
function changed(): LatchkeyError {
  return new LatchkeyError('PROOF_LINK_MISMATCH')
}

/** An alias is valid in its user's epoch. An account whose principal is its own id gets its first epoch here. */
async function epochOf(principals: PrincipalStore, { user, subject }: LinkingAccount): Promise<string> {
  if (hasFixed({ user, subject })) return user.principalEpoch!
  // What the creator adopts does not decide who owns the mailbox.
  const isProven = !isContested(user) && (user.emailVerified || isMailboxProven(user))
  const principalEpoch = newEpoch()
  const principalMailbox = isProven ? mailboxOf(user) : null
  const update = { principal: null, principalOpen: false, principalEpoch, principalMailbox }
  if (await principals.changeUnprovenUser(user, update)) return principalEpoch
  // Without transactions another device may have been faster.
  return epochOf(principals, { user: await withOthersEpoch(principals, { user, subject }), subject })
}

/** Returns true if the account still has the principal that the proof names. */
async function hasPrincipal(principals: PrincipalStore, { user, subject }: LinkingAccount): Promise<boolean> {
  return hasFixed({ user, subject }) || (subject.principal === user.id && !(await isBound(principals, user)))
}

/** Returns true if the account has that principal, and an epoch. */
function hasFixed({ user, subject }: LinkingAccount): boolean {
  return user.principalEpoch != null && subject.principal === (user.principal ?? user.id)
}

/** A principal column without its lock row does not count; the account's own id is used instead. */
async function isBound(principals: PrincipalStore, user: BoundUser): Promise<boolean> {
  const row = user.principal == null ? null : await principals.find(user.principal)
  return row !== null && isCurrent(row, user)
}

/** Includes those that are being linked. Two concurrent links for the last place are both refused. */
async function countAliases(principals: PrincipalStore, user: BoundUser, { principal }: Subject): Promise<number> {
  const rows = await principals.rowsOf(user)
  const isCounted = (row: PrincipalRow): boolean =>
    (row.kind === 'alias' && isCurrent(row, user)) || (row.kind === 'reserved' && isKept(row, principals.now))
  return rows.filter((row) => row.principal !== principal && isCounted(row)).length
}

/**
 * Removes an alias from an account. Its key is immediately active again; for 30 days no other account can take the
 * principal. If the key was revoked, the principal is retired instead: the key may be in other hands. Its backups are
 * kept for 30 days, unless the key renews them. Idempotent.
 *
 * @param before - called unless the principal is retired: a retired principal owns nothing
 * @throws {LatchkeyError} `ALIAS_UNKNOWN`; errors of `before`
 */
export async function giveUp(
  principals: PrincipalStore,
  accountId: string,
  alias: string,
  before: BeforeLink,
): Promise<void> {
  const row = await principals.find(alias)
  const user = await principals.findUser('id', accountId)
  const isGivenUp = row !== null && (row.kind === 'retired' || (row.kind === 'held' && isKept(row, principals.now)))
  if (isGivenUp && row.userId === accountId) return
  // The account's own id has no key that could use it afterwards.
  if (!row || !user || row.thumbprint === null || row.kind !== 'alias' || !isCurrent(row, user))
    throw new LatchkeyError('ALIAS_UNKNOWN')
  const held = { kind: 'held', epoch: newEpoch(), until: new Date(principals.now.getTime() + ALIAS_HOLD_MS) } as const
  const isRevoked = await hasRevokedKey(principals, row)
  const principal = (await isBound(principals, user)) ? user.principal! : user.id
  const isDone = await principals
    .atomically(async (trx) => {
      // Also locks the user if there are transactions: an alias that a concurrent reset releases cannot be removed.
      if (!(await trx.changeUser(user, { principalEpoch: user.principalEpoch! }))) throw OVERTAKEN
      if (!isRevoked) await before({ accountId, principal, alias }, trx.adapter)
      if (!(await (isRevoked ? retireRow(trx, row) : trx.change(row, held)))) throw OVERTAKEN
      await expireBackupsOf(trx, alias)
      await audit(trx, 'unlink', { ...row, epoch: held.epoch })
      return true
    })
    .catch(isNotOvertaken)
  // Again after the transaction: a backup may have been stored that it could not see.
  if (isDone) await expireBackupsOf(principals, alias)
  else await giveUp(principals, accountId, alias, before)
}

/** Thrown, so that what the app wrote is rolled back. */
const OVERTAKEN: unique symbol = Symbol('another request was faster')

function isNotOvertaken(error: unknown): false {
  if (error === OVERTAKEN) return false
  throw error
}
