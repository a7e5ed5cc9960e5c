import { audit } from './audit.ts'
import { deleteGrantsOf } from './grant-store.ts'
import {
  atomically,
  changeRow,
  changeUser,
  isCurrent,
  deleteRow,
  findRow,
  findUser,
  insertRow,
  isBinding,
  newEpoch,
  replaceRow,
  rowsOf,
} from './principal-store.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { type AskingSession, isMakers, isNeutral } from './session-origin.ts'
import type { Adapter } from './types.ts'

/** Value of `principalMailboxBy` after the mailbox was proven without a key. */
export const NOBODY = 'nobody'

/**
 * Value of `principalMailboxBy` after a verification link was opened, or a code typed, in a browser that did not show
 * who its user is. It may be the account's creator, whose mail program opened the link, or the owner of an address that
 * the creator used without permission. The binding stays until a request comes from a session that the creator's
 * credentials did not create.
 */
export const CONTESTED = 'contested'

/** Value of `principalMailboxBy` after a change of address: the user who requested it may not own the mailbox. */
export const MOVED = 'moved'

/** Stands in `principalMailboxBy` after the mailbox's owner set a new password by a mailed link. */
export const RESET = 'reset'

/** Stands in `principalMailboxBy` after a provider vouched for the address: the credential that was added with that. */
export function proverOfProvider(credentialId: string): string {
  return `account:${credentialId}`
}

/**
 * Value of `principalMailboxBy` after a verification link was opened, or a code typed, in a browser with a live session
 * that the principal's key made. It confirms the binding; but anyone could have planted that session there.
 */
export function proverBySession(principal: string): string {
  return `session:${principal}`
}

/** How addresses are compared. */
export function mailboxOf({ email }: { readonly email: string }): string {
  return email.toLowerCase()
}

/** Returns true if the current address was proven, before the binding or since. */
export function isMailboxProven(user: BoundUser): boolean {
  return user.principalMailbox === mailboxOf(user)
}

/**
 * Returns true if the account can be recovered without the device, and no proof of a mailbox can remove its principal
 * any more.
 */
export function isRecoverable(user: BoundUser): boolean {
  return !isResetDue(user) && (user.emailVerified || isMailboxProven(user) || user.phoneNumberVerified === true)
}

/** Returns true if a proof of the mailbox was recorded, but its consequences are not applied yet. */
export function isProofPending(user: BoundUser): boolean {
  const { principalMailboxBy: prover } = user
  return prover != null && prover !== MOVED && user.emailVerified && !isMailboxProven(user)
}

/** Returns true if the binding is no longer valid, although that is not recorded yet. */
export function isResetDue(user: BoundUser): boolean {
  return isProofPending(user) && !isKeptBy(user, user.principalMailboxBy!)
}

/**
 * A phone number that was verified before the mailbox keeps the binding. One that is verified while the binding is
 * contested says nothing: it may be the number of either.
 */
function isKeptBy(user: BoundUser, prover: string): boolean {
  const hasBinding = user.principal != null || user.principalEpoch != null
  const isPhoneFirst = user.phoneNumberVerified === true && user.principalMailboxBy !== CONTESTED
  return !hasBinding || isPhoneFirst || [user.principal, proverBySession(user.principal!)].includes(prover)
}

/** Returns true if the mailbox was proven, but it is unknown whether by the account's creator. */
export function isContested(user: BoundUser): boolean {
  return user.principalMailboxBy === CONTESTED && isResetDue(user)
}

/**
 * Applies the consequences of a proof of the mailbox. Every read of a user calls it.
 *
 * @param asking - the session of the request; without one a contested binding stays contested
 */
export async function settleMailbox(
  adapter: Adapter,
  user: BoundUser,
  now: Date,
  asking?: AskingSession,
): Promise<BoundUser> {
  if (!isProofPending(user)) return user
  if (!isContested(user)) return proveMailbox(adapter, user, user.principalMailboxBy!, now)
  if (!asking || isNeutral(asking) || isMakers(asking, user)) return user
  // The mailbox's owner is in, and the maker's credentials may still be there: as after any other first proof.
  return proveMailbox(adapter, user, NOBODY, now)
}

/**
 * Records that the key of the account's principal signed a request that proved the mailbox once more: the holder of the
 * key owns the mailbox, whatever was recorded before.
 */
export async function confirmByKey(adapter: Adapter, user: BoundUser, now: Date): Promise<void> {
  if (!isMailboxProven(user)) await proveMailbox(adapter, user, user.principal!, now)
  else if (user.principalMailboxBy != null) await changeUser(adapter, user, { principalMailboxBy: user.principal! })
}

/**
 * Handles the first proof of a mailbox that was unverified when the binding was made: the account's creator may not own
 * the mailbox. The binding stays only if the principal's own key signed the same request; otherwise the account gets a
 * new principal, and the old one goes back to its key.
 *
 * @param prover - the principal whose key signed the request, or {@link NOBODY}
 * @returns the user after the change
 */
export async function proveMailbox(adapter: Adapter, user: BoundUser, prover: string, now: Date): Promise<BoundUser> {
  if (isMailboxProven(user)) return user
  const principalMailboxAt = isProofPending(user) ? (user.principalMailboxAt ?? now) : now
  const proven = { principalMailbox: mailboxOf(user), principalMailboxBy: prover, principalMailboxAt }
  const isDone = isKeptBy(user, prover)
    ? await changeUser(adapter, user, proven)
    : await reset(adapter, user, proven, now)
  const present = await findUser(adapter, 'id', user.id)
  // Deleted meanwhile: there is nothing left to decide.
  if (!present) return user
  // Another request bound or reset it meanwhile: decide again from the current state.
  return isDone || isMailboxProven(present) ? present : proveMailbox(adapter, present, prover, now)
}

/** An account whose principal is its own id keeps it, and loses only its aliases. */
async function reset(adapter: Adapter, user: BoundUser, proven: Partial<BoundUser>, now: Date): Promise<boolean> {
  const isDone = await (user.principal == null
    ? changeUser(adapter, user, { ...proven, principalEpoch: newEpoch() })
    : atomically(adapter, (trx) => replacePrincipal(trx, user, proven, now)))
  await deleteGrantsOf(adapter, user.id)
  const present = await findUser(adapter, 'id', user.id)
  if (present) await releaseStale(adapter, present, await rowsOf(adapter, present), now)
  return isDone
}

async function replacePrincipal(
  adapter: Adapter,
  user: BoundUser,
  proven: Partial<BoundUser>,
  now: Date,
): Promise<boolean> {
  const fresh = { principal: crypto.randomUUID(), epoch: newEpoch() }
  const before = user.principal ? await findRow(adapter, user.principal) : null
  await insertRow(adapter, { ...fresh, kind: 'canonical', userId: user.id })
  const isDone = await changeUser(adapter, user, {
    ...proven,
    principal: fresh.principal,
    principalEpoch: fresh.epoch,
    principalOpen: false,
  })
  if (!isDone) {
    await deleteRow(adapter, fresh)
    return false
  }
  await keepWithoutKey(adapter, user, fresh.epoch)
  // The release of a principal with a key is recorded when it goes back to the key.
  if (before?.thumbprint == null && user.principal && user.principalEpoch)
    await audit(adapter, 'reset', { principal: user.principal, epoch: user.principalEpoch, userId: user.id }, now)
  return true
}

/**
 * Principals without a key, which an earlier reset gave the account, stay with it as aliases: no device could ever link
 * them again.
 */
async function keepWithoutKey(adapter: Adapter, before: BoundUser, epoch: string): Promise<void> {
  for (const row of await rowsOf(adapter, before)) {
    const isKept = row.thumbprint === null && row.principal !== before.id && isCurrent(row, before)
    if (isKept) await changeRow(adapter, row, { kind: 'alias', epoch })
  }
}

/** Gives principals of an earlier epoch back to their own keys. They were not retired, so they can be bound again. */
export async function releaseStale(
  adapter: Adapter,
  user: BoundUser,
  rows: readonly PrincipalRow[],
  now: Date,
): Promise<void> {
  // Without a key nobody could use it; and a reset writes such a row before its user.
  const isStale = (row: PrincipalRow, of: BoundUser): boolean =>
    isBinding(row) && row.userId === of.id && row.thumbprint !== null && !isCurrent(row, of)
  const seen = rows.filter((row) => isStale(row, user))
  // The user may have been reset, and have linked, since it was read. A user gets its epoch before its aliases do.
  const present = seen.length > 0 ? await findUser(adapter, 'id', user.id) : null
  for (const row of present ? seen.filter((each) => isStale(each, present)) : []) {
    // If it was retired or taken by another account meanwhile, that remains. In its old epoch a stalled read would
    // complete it once more.
    await atomically(adapter, (trx) =>
      replaceRow(trx, row, { kind: 'reserved', epoch: newEpoch(), userId: null, until: null }, now),
    )
  }
}
