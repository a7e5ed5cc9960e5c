import { findRow, findUser, reserve, taken, tryInsertRow } from './principal-store.ts'
import { isMailboxProven, mailboxOf, settleMailbox } from './verified-email.ts'
import { changeOpenUser, isOpen } from './subject.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/**
 * Makes a device's principal the canonical one of an open account. The update races with the account's first use, which
 * closes it. The user id becomes an alias in the same step, since an app may already have used it.
 *
 * @returns true if the account has the principal now
 * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PROOF_KEY_REVOKED`
 */
export async function claim(adapter: Adapter, userId: string, device: ProvenDevice, now: Date): Promise<boolean> {
  const found = await findUser(adapter, 'id', userId)
  if (!found || !isOpen(found) || found.isAnonymous) return false
  const user = await settleMailbox(adapter, found, now)
  const epoch = await reserve(adapter, device, now)
  await prepareAlias(adapter, userId, epoch)
  const isProven = user.emailVerified || isMailboxProven(user)
  return changeOpenUser(adapter, userId, {
    principal: device.principal,
    principalOpen: false,
    principalEpoch: epoch,
    principalMailbox: isProven ? mailboxOf(user) : null,
  })
}

/**
 * An alias is valid only with its user's binding, so its row may exist before the user has one. Its epoch is ignored:
 * the account's own id belongs to it in every epoch.
 */
async function prepareAlias(adapter: Adapter, userId: string, epoch: string): Promise<void> {
  const isNew =
    !(await findRow(adapter, userId)) &&
    (await tryInsertRow(adapter, { principal: userId, userId, kind: 'alias', epoch }))
  const row = isNew ? null : await findRow(adapter, userId)
  // Another device of the same account may have inserted it concurrently.
  if (row && (row.userId !== userId || row.kind !== 'alias')) throw taken()
}
