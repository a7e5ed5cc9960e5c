import type { DBAdapter } from 'better-auth'
import { LatchkeyError } from '../../../lib/server.ts'
import { ALIAS_HOLD_MS, ALIAS_LIMIT } from '../../../lib/server-kit.ts'
import { audit } from './audit.ts'
import { recordKey } from './keys.ts'
import {
  changeRow,
  checkFree,
  changeUser,
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
  // Before the account gets its first epoch: a refusal changes nothing.
  await checkFree(adapter, device, now, subject.accountId)
  const user = await withEpoch(adapter, subject)
  const reserved = await reserveFor(adapter, user.id, device, now)
  try {
    if ((await countAliases(adapter, user, subject, now)) > ALIAS_LIMIT) throw new LatchkeyError('ALIASES_FULL')
    await recordKey(adapter, device, now)
    await adapter.transaction((trx) => link(trx, { user, subject, row: reserved.row, before, now }))
  } catch (error) {
    // If this fails too, the reservation expires.
    await changeRow(adapter, reserved.row, reserved.before).catch(() => false)
    throw error
  }
}

interface Linking {
  readonly user: BoundUser
  readonly subject: Subject
  readonly row: PrincipalRow
  readonly before: BeforeLink
  readonly now: Date
}

async function link(adapter: Adapter, { user, subject, row, before, now }: Linking): Promise<void> {
  // Also locks the user if there are transactions: a concurrent reset waits, and then sees the alias.
  if (!(await changeUser(adapter, user, { principalEpoch: user.principalEpoch! }))) throw changed()
  await before({ accountId: user.id, principal: subject.principal, alias: row.principal }, adapter)
  await audit(adapter, 'link', row, now)
  if (!(await changeRow(adapter, row, { kind: 'alias', epoch: user.principalEpoch!, until: null }))) throw taken()
}

/** The account's principal is no longer the one that the proof names. */
function changed(): LatchkeyError {
  return new LatchkeyError('PROOF_LINK_MISMATCH')
}

/** An alias is valid in its user's epoch. An account whose principal is its own id gets its first epoch here. */
async function withEpoch(adapter: Adapter, subject: Subject): Promise<BoundUser> {
  const user = await findUser(adapter, 'id', subject.accountId)
  if (!user) throw changed()
  if (user.principalEpoch != null && subject.principal === (user.principal ?? user.id)) return user
  if (subject.principal !== user.id || (await isBound(adapter, user))) throw changed()
  const isProven = user.emailVerified || isMailboxProven(user)
  const update = {
    principal: null,
    principalOpen: false,
    principalEpoch: newEpoch(),
    principalMailbox: isProven ? mailboxOf(user) : null,
  }
  // If another device of the same account was faster, its epoch is used.
  return (await changeUser(adapter, user, update)) ? { ...user, ...update } : withEpoch(adapter, subject)
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
  const held = { kind: 'held', epoch: newEpoch(), until: new Date(now.getTime() + ALIAS_HOLD_MS) } as const
  const isDone = await adapter.transaction(async (trx) => {
    // Also locks the user if there are transactions: an alias that a concurrent reset releases cannot be removed.
    const isChanged =
      (await changeUser(trx, user, { principalEpoch: user.principalEpoch! })) && (await changeRow(trx, row, held))
    if (isChanged) await audit(trx, 'unlink', { ...row, ...held }, now)
    return isChanged
  })
  if (!isDone) await giveUp(adapter, accountId, alias, now)
}
