import type { PrincipalStore } from './principal-store.ts'
import { taken } from './principal-row.ts'
import { reserve } from './reservation.ts'
import { isMailboxProven, mailboxOf, settleMailbox } from './verified-email.ts'
import { changeOpenUser, isOpen } from './subject.ts'
import type { ProvenDevice } from './types.ts'
import { equal } from './where.ts'
import type { BoundUser } from '../schema.ts'

/**
 * Makes a device's principal the canonical one of an open account. The update races with the account's first use, which
 * closes it. The user id becomes an alias in the same step, since an app may already have used it.
 *
 * @param judged - as it was when the claim was allowed: if the mailbox was proven since, nothing is changed
 * @returns true if the account has the principal now
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function claim(principals: PrincipalStore, judged: BoundUser, device: ProvenDevice): Promise<boolean> {
  const { id: userId, principalMailboxBy = null } = judged
  const found = await principals.findUser('id', userId)
  if (!found || !isOpen(found) || found.isAnonymous) return false
  if ((found.principalMailboxBy ?? null) !== principalMailboxBy) return false
  const user = await settleMailbox(principals, found)
  const epoch = await reserve(principals, device)
  await prepareAlias(principals, userId, epoch)
  const isProven = user.emailVerified || isMailboxProven(user)
  const update = {
    principal: device.principal,
    principalOpen: false,
    principalEpoch: epoch,
    principalMailbox: isProven ? mailboxOf(user) : null,
  }
  return changeOpenUser(principals, userId, update, equal({ principalMailboxBy }))
}

/**
 * An alias is valid only with its user's binding, so its row may exist before the user has one. Its epoch is ignored:
 * the account's own id belongs to it in every epoch.
 */
async function prepareAlias(principals: PrincipalStore, userId: string, epoch: string): Promise<void> {
  const isNew =
    !(await principals.find(userId)) &&
    (await principals.tryInsert({ principal: userId, userId, kind: 'alias', epoch }))
  const row = isNew ? null : await principals.find(userId)
  // Another device of the same account may have inserted it concurrently.
  if (row && (row.userId !== userId || row.kind !== 'alias')) throw taken()
}
