import { encodeBase64url } from '../../../lib/server-kit.ts'
import { audit } from './audit.ts'
import { expireBackupsOf } from './expire-backups.ts'
import { deleteGrantsOf } from './grant-store.ts'
import type { PrincipalStore } from './principal-store.ts'
import { isBinding, isCurrent, newEpoch } from './principal-row.ts'
import type { ProvenDevice } from './types.ts'
import { replaceRow } from './reservation.ts'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { hasRevokedKey, retireRow } from './retire-row.ts'
import { type AskingSession, isMakers, isNeutral, keyAlone } from './session-origin.ts'

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

/** Value of `principalMailboxBy` after the key of an alias proved the mailbox of an account without a principal. */
const BY_ALIAS = 'alias'

/** Like {@link MOVED}, of an account that another person than its creator was shown to own before. */
export const HANDED_ON = 'handed-on'

/** Value of `principalMailboxBy` after a mailbox was verified without the key, of such an account. */
export const OTHERS = 'others'

/**
 * Value of `principalMailboxBy` after the mailbox's owner set a new password through a mailed link: it names the hash
 * of that password, in base64url of its SHA-256. Any other password may be another person's choice, however and
 * whenever it was set.
 */
export async function proverByReset(passwordHash: string): Promise<string> {
  return `reset:${await digestOf(passwordHash)}`
}

/** Returns the name of a mailbox in a session that its owner made: of no use as an address. */
export function mailboxName(mailbox: { readonly email: string }): Promise<string> {
  return digestOf(mailboxOf(mailbox))
}

/** Returns the SHA-256 of a text in base64url. */
async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return encodeBase64url(new Uint8Array(digest))
}

/** Value of `principalMailboxBy` after a provider vouched for the address: it names the provider's credential. */
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

/** Value of `principalMailboxBy` after the account's own key proved the mailbox: see {@link isOwnKey}. */
export function proverByKey({ principal }: BoundUser): string {
  return principal ?? BY_ALIAS
}

/**
 * Returns true if a key is the account's own: that of its principal or, if its principal is the user id, that of an
 * alias.
 */
export async function isOwnKey(
  principals: PrincipalStore,
  user: BoundUser,
  key: Pick<ProvenDevice, 'principal'> & Partial<ProvenDevice>,
): Promise<boolean> {
  if (user.principal != null || user.principalEpoch == null) return key.principal === user.principal
  const row = await principals.find(key.principal)
  if (row?.thumbprint == null || row.thumbprint !== (key.thumbprint ?? row.thumbprint)) return false
  return isCurrent(row, user) && !(await hasRevokedKey(principals, row))
}

/** Returns the address in the form in which addresses are compared. */
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

/** Returns true if the address was changed, and no mailbox was proven since. */
export function isMoved({ principalMailboxBy: prover }: BoundUser): boolean {
  return prover === MOVED || prover === HANDED_ON
}

/** Returns true if another person than the account's creator was shown to own it: no later proof may undo that. */
export function isOthers(user: BoundUser): boolean {
  const { principal, principalMailboxBy: prover } = user
  const others = [proverByKey(user), MOVED, NOBODY, CONTESTED, proverBySession(principal!)]
  return prover != null && !others.includes(prover)
}

/** Returns true if a proof of the mailbox was recorded, but its consequences are not applied yet. */
export function isProofPending(user: BoundUser): boolean {
  return user.principalMailboxBy != null && !isMoved(user) && user.emailVerified && !isMailboxProven(user)
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
  const isPhoneFirst = user.phoneNumberVerified === true && user.principalMailboxBy !== CONTESTED
  return !hasBinding(user) || isPhoneFirst || [proverByKey(user), proverBySession(user.principal!)].includes(prover)
}

/** Returns true if the account has a principal of a device, or aliases. */
export function hasBinding({ principal, principalEpoch }: BoundUser): boolean {
  return principal != null || principalEpoch != null
}

/** Returns true if the mailbox was proven, but it is unknown whether by the account's creator. */
export function isContested(user: BoundUser): boolean {
  return user.principalMailboxBy === CONTESTED && isProofPending(user)
}

/** Returns true if no more is known than that a verification link was opened, or a code typed. */
export function isOnlyVerified({ principal, principalMailboxBy: prover }: BoundUser): boolean {
  return prover === CONTESTED || prover === proverBySession(principal!)
}

/**
 * Applies the consequences of a proof of the mailbox. Every read of a user calls it.
 *
 * @param asking - the session of the request; without one a contested binding stays contested
 */
export async function settleMailbox(
  principals: PrincipalStore,
  user: BoundUser,
  asking?: AskingSession,
): Promise<BoundUser> {
  if (!isProofPending(user)) return user
  if (!isContested(user)) return proveMailbox(principals, user, user.principalMailboxBy!)
  // Without a binding there is nothing to reset, and the creator's credentials open the account as before.
  if (!asking || !hasBinding(user) || (await decidesNothing(principals, user, asking))) return user
  // The mailbox's owner has signed in, and the creator's credentials may still exist, as after any other first proof.
  return proveMailbox(principals, user, NOBODY)
}

/** Returns true if a session is neutral, or made with the account's own key or a credential of its creator. */
export async function decidesNothing(
  principals: PrincipalStore,
  user: BoundUser,
  asking: AskingSession,
): Promise<boolean> {
  if (isNeutral(asking) || isMakers(asking, user)) return true
  const principal = keyAlone(asking)
  return principal !== null && isOwnKey(principals, user, { principal })
}

/**
 * Called when a passkey or a password is added to an account, from whose sessions those of the creator's credentials
 * cannot be told afterwards: if another session adds it, it may be the mailbox owner's.
 *
 * @param asking - the session that adds it; undefined if there is none
 * @returns true if this was noted
 */
export async function noteCredential(
  principals: PrincipalStore,
  user: BoundUser,
  asking: AskingSession | undefined,
): Promise<boolean> {
  if (!isOnlyVerified(user) || (asking && (await decidesNothing(principals, user, asking)))) return false
  if (isContested(user)) await proveMailbox(principals, user, NOBODY)
  else if (!(await principals.changeUnprovenUser(user, { principalMailboxBy: NOBODY }))) {
    // Another request bound it, or gave it its first epoch, meanwhile.
    const present = await principals.findUser('id', user.id)
    return present !== null && noteCredential(principals, present, asking)
  }
  return true
}

/**
 * Records that the account's own key signed a request that proved the mailbox once more: the holder of the key owns the
 * mailbox, whatever was recorded before.
 */
export async function confirmByKey(principals: PrincipalStore, user: BoundUser): Promise<void> {
  const principalMailboxBy = proverByKey(user)
  if (!isMailboxProven(user)) await proveMailbox(principals, user, principalMailboxBy)
  else if (user.principalMailboxBy != null) await principals.changeUser(user, { principalMailboxBy })
}

/**
 * Handles the first proof of a mailbox that was unverified when the binding was made: the account's creator may not own
 * the mailbox. The binding stays only if the account's own key signed the same request; otherwise the account gets a
 * new principal, and the old one goes back to its key.
 *
 * @param by - the principal whose key signed the request, or {@link NOBODY}
 * @returns the user after the change
 */
export async function proveMailbox(principals: PrincipalStore, user: BoundUser, by: string): Promise<BoundUser> {
  if (isMailboxProven(user)) return user
  const prover = (await isOwnKey(principals, user, { principal: by })) ? proverByKey(user) : by
  const principalMailboxAt = isProofPending(user) ? (user.principalMailboxAt ?? principals.now) : principals.now
  const proven = { principalMailbox: mailboxOf(user), principalMailboxBy: prover, principalMailboxAt }
  const isDone = isKeptBy(user, prover)
    ? await principals.changeUser(user, proven)
    : await reset(principals, user, proven)
  const present = await principals.findUser('id', user.id)
  // Deleted meanwhile: there is nothing left to decide.
  if (!present) return user
  // Another request bound or reset it meanwhile: decide again from the current state.
  return isDone || isMailboxProven(present) ? present : proveMailbox(principals, present, by)
}

/** An account whose principal is its own id keeps it, and loses only its aliases. */
async function reset(principals: PrincipalStore, user: BoundUser, proven: Partial<BoundUser>): Promise<boolean> {
  const isDone = await (user.principal == null
    ? principals.changeUser(user, { ...proven, principalEpoch: newEpoch() })
    : principals.atomically((trx) => replacePrincipal(trx, user, proven)))
  await deleteGrantsOf(principals.adapter, user.id)
  const present = await principals.findUser('id', user.id)
  if (present) await releaseStale(principals, present, await principals.rowsOf(present))
  return isDone
}

async function replacePrincipal(
  principals: PrincipalStore,
  user: BoundUser,
  proven: Partial<BoundUser>,
): Promise<boolean> {
  const fresh = { principal: crypto.randomUUID(), epoch: newEpoch() }
  const before = user.principal ? await principals.find(user.principal) : null
  await principals.insert({ ...fresh, kind: 'canonical', userId: user.id })
  const isDone = await principals.changeUser(user, {
    ...proven,
    principal: fresh.principal,
    principalEpoch: fresh.epoch,
    principalOpen: false,
  })
  if (!isDone) {
    await principals.delete(fresh)
    return false
  }
  await keepWithoutKey(principals, user, fresh.epoch)
  if (user.principal && user.principalEpoch) await recordEnd(principals, user, before)
  return true
}

/** Records the end of a binding. That of a principal with a key is recorded when it goes back to the key. */
async function recordEnd(principals: PrincipalStore, user: BoundUser, before: PrincipalRow | null): Promise<void> {
  const entry = { principal: user.principal!, epoch: user.principalEpoch!, userId: user.id }
  // The account was never used, but the key created it.
  const isUnused = before?.kind === 'reserved' && isCurrent(before, user)
  if (isUnused) await audit(principals, 'bind', entry)
  if (isUnused || before?.thumbprint == null) await audit(principals, 'reset', entry)
}

/**
 * Principals without a key, which an earlier reset gave the account, stay with it as aliases: no device could ever link
 * them again.
 */
async function keepWithoutKey(principals: PrincipalStore, before: BoundUser, epoch: string): Promise<void> {
  for (const row of await principals.rowsOf(before)) {
    const isKept = row.thumbprint === null && row.principal !== before.id && isCurrent(row, before)
    if (isKept) await principals.change(row, { kind: 'alias', epoch })
  }
}

/**
 * Gives principals of an earlier epoch back to their own keys. They were not retired, so they can be bound again. One
 * whose key was revoked is retired: the key may be in other hands.
 */
export async function releaseStale(
  principals: PrincipalStore,
  user: BoundUser,
  rows: readonly PrincipalRow[],
): Promise<void> {
  // Without a key it could not be used; and a reset writes such a row before its user.
  const isStale = (row: PrincipalRow, of: BoundUser): boolean =>
    isBinding(row) && row.userId === of.id && row.thumbprint !== null && !isCurrent(row, of)
  const seen = rows.filter((row) => isStale(row, user))
  // The user may have been reset, and have linked, since it was read. A user gets its epoch before its aliases do.
  const present = seen.length > 0 ? await principals.findUser('id', user.id) : null
  for (const row of present ? seen.filter((each) => isStale(each, present)) : []) {
    const isRevoked = await hasRevokedKey(principals, row)
    await expireBackupsOf(principals, row.principal)
    // If it was retired or taken by another account meanwhile, that remains. In its old epoch a stalled read would
    // complete it once more.
    await principals.atomically((trx) =>
      isRevoked
        ? retireRow(trx, row)
        : replaceRow(trx, row, { kind: 'reserved', epoch: newEpoch(), userId: null, until: null }),
    )
  }
}
