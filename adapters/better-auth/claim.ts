import { type Adapter, type ProvenDevice, changeRow, findRow, findUser, insertRow, reserve, taken } from './lock.ts'
import { isMailboxProven, mailboxOf, settleMailbox } from './mailbox.ts'
import { changeOpenUser, isOpen } from './subject.ts'

/**
 * Makes a device's principal the canonical one of an open account. The update races with the account's first use,
 * which closes it; the user id becomes an alias in the same step, since an app may have used it already.
 *
 * @returns whether the account took it
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

/** An alias counts only with its user's binding, so the row may be there before the user has one. */
async function prepareAlias(adapter: Adapter, userId: string, epoch: string): Promise<void> {
  const row = await findRow(adapter, userId)
  if (!row) await insertRow(adapter, { principal: userId, userId, kind: 'alias', epoch })
  else if (row.userId !== userId || row.kind !== 'alias' || !(await changeRow(adapter, row, { epoch }))) throw taken()
}
