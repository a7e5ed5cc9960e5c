import { audit } from './audit.ts'
import { isRevokedKey } from './keys.ts'
import {
  atomically,
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
import { type AskingSession, isMakers } from './session-origin.ts'
import type { Adapter } from './types.ts'

/** Stands in `principalMailboxBy` for a proof of the mailbox without a key. */
export const NOBODY = 'nobody'

/**
 * Stands in `principalMailboxBy` after a verification link was opened, or a code typed, by a browser that did not show
 * whose it was. That may be the account's maker, whose mail program opened the link, or somebody whose address the
 * maker used: the binding stays until a session asks that the maker's credentials did not make.
 */
export const CONTESTED = 'contested'

/** Stands in `principalMailboxBy` after a change of address: whoever asked for that need not be whose mailbox it is. */
export const MOVED = 'moved'

/** Stands in `principalMailboxBy` after the mailbox's owner set a new password by a mailed link. */
export const RESET = 'reset'

/** Stands in `principalMailboxBy` after a provider vouched for the address: the credential that was added with that. */
export function proverOfProvider(credentialId: string): string {
  return `account:${credentialId}`
}

/** How addresses are compared. */
export function mailboxOf({ email }: { readonly email: string }): string {
  return email.toLowerCase()
}

/** The present address was proven: before the binding, or once since. */
export function isMailboxProven(user: BoundUser): boolean {
  return user.principalMailbox === mailboxOf(user)
}

/**
 * The account can be had back without the device, and no proof of a mailbox can take the principal from it any more.
 */
export function isRecoverable(user: BoundUser): boolean {
  return !isResetDue(user) && (user.emailVerified || isMailboxProven(user) || user.phoneNumberVerified === true)
}

/** A proof of the mailbox was written down, but what follows from it was not done yet. */
export function isProofPending(user: BoundUser): boolean {
  const { principalMailboxBy: prover } = user
  return prover != null && prover !== MOVED && user.emailVerified && !isMailboxProven(user)
}

/** The binding no longer isCurrent, though nobody has written that down yet. */
export function isResetDue(user: BoundUser): boolean {
  return isProofPending(user) && !isKeptBy(user, user.principalMailboxBy!)
}

/** Whoever verified a phone number keeps the way in that it is, whatever happens to the mailbox. */
function isKeptBy(user: BoundUser, prover: string): boolean {
  const hasBinding = user.principal != null || user.principalEpoch != null
  return !hasBinding || user.phoneNumberVerified === true || prover === user.principal
}

/** The mailbox was proven, and nothing says yet whether by the account's maker. */
export function isContested(user: BoundUser): boolean {
  return user.principalMailboxBy === CONTESTED && isResetDue(user)
}

/**
 * Completes what follows from a proof of the mailbox. Every look at a user goes through here.
 *
 * @param asking - the session for which somebody looks; without one a contested binding stays contested
 */
export async function settleMailbox(
  adapter: Adapter,
  user: BoundUser,
  now: Date,
  asking?: AskingSession,
): Promise<BoundUser> {
  if (!isProofPending(user)) return user
  if (!isContested(user)) return proveMailbox(adapter, user, user.principalMailboxBy!, now)
  if (!asking || isMakers(asking, user)) return user
  // The mailbox's owner is in, and the maker's credentials may still be there: as after any other first proof.
  return proveMailbox(adapter, user, NOBODY, now)
}

/**
 * The first proof of a mailbox that was unverified when the binding was made: whoever made the account need not be
 * whose mailbox it is. The binding stays only if the principal's own key signed the same request; otherwise the
 * account gets a fresh principal, and the old one goes back to its key.
 *
 * @param prover - the principal whose key signed the request, or {@link NOBODY}
 * @returns the user as it is afterwards
 */
export async function proveMailbox(adapter: Adapter, user: BoundUser, prover: string, now: Date): Promise<BoundUser> {
  if (isMailboxProven(user)) return user
  const principalMailboxAt = isProofPending(user) ? (user.principalMailboxAt ?? now) : now
  const proven = { principalMailbox: mailboxOf(user), principalMailboxBy: prover, principalMailboxAt }
  const isKept = isKeptBy(user, prover) && !(await hasRevokedKey(adapter, user))
  const isDone = isKept ? await changeUser(adapter, user, proven) : await reset(adapter, user, proven, now)
  const present = await findUser(adapter, 'id', user.id)
  // Deleted meanwhile: there is nothing left to decide.
  if (!present) return user
  // Somebody bound or reset it meanwhile: decide again by what it is now.
  return isDone || isMailboxProven(present) ? present : proveMailbox(adapter, present, prover, now)
}

async function hasRevokedKey(adapter: Adapter, { principal }: BoundUser): Promise<boolean> {
  const row = principal ? await findRow(adapter, principal) : null
  return row?.thumbprint != null && (await isRevokedKey(adapter, row.thumbprint))
}

/** An account whose principal is its own id keeps that, and only loses what was linked to it. */
async function reset(adapter: Adapter, user: BoundUser, proven: Partial<BoundUser>, now: Date): Promise<boolean> {
  const isDone = await (user.principal == null
    ? changeUser(adapter, user, { ...proven, principalEpoch: newEpoch() })
    : replacePrincipal(adapter, user, proven, now))
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
  if (!isDone) await deleteRow(adapter, fresh)
  // One with a key is written down when it goes back to that.
  else if (before?.thumbprint == null && user.principal && user.principalEpoch)
    await audit(adapter, 'reset', { principal: user.principal, epoch: user.principalEpoch, userId: user.id }, now)
  return isDone
}

/** Gives principals of an earlier epoch back to their own keys. They were not retired, so they can be bound again. */
export async function releaseStale(
  adapter: Adapter,
  user: BoundUser,
  rows: readonly PrincipalRow[],
  now: Date,
): Promise<void> {
  // Without a key nobody can have it back; and a reset writes such a row before its user.
  const isStale = (row: PrincipalRow, of: BoundUser): boolean =>
    isBinding(row) && row.userId === of.id && row.thumbprint !== null && !isCurrent(row, of)
  const seen = rows.filter((row) => isStale(row, user))
  // The user may have been reset, and have linked, since it was read. An epoch is a user's before it is an alias's.
  const present = seen.length > 0 ? await findUser(adapter, 'id', user.id) : null
  for (const row of present ? seen.filter((each) => isStale(each, present)) : []) {
    // Retired, or somebody else's meanwhile: then that is what happened to it. In its epoch a look that stalls would
    // complete it once more.
    await atomically(adapter, (trx) =>
      replaceRow(trx, row, { kind: 'reserved', epoch: newEpoch(), userId: null, until: null }, now),
    )
  }
}
