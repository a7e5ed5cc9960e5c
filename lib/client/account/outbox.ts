import { LatchkeyError } from '../../errors.ts'
import { withSignOut } from '../../keystore/entries.ts'
import { EMPTY_KEYRING } from '../../keystore/keyring.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { exclusively } from '../shared/lock.ts'

/** How long a delivery in the background may keep an act waiting: less than that waits for its turn. */
const DELIVERY_TIMEOUT_MS = 8_000

/**
 * Delivers in the background, alone over all tabs: a sign-in that comes meanwhile waits for it.
 *
 * @throws {LatchkeyError} `OFFLINE`, `UPGRADE_IN_PROGRESS`
 */
export async function deliverPending(context: Context): Promise<void> {
  if (!context.options.account) return
  await context.read()
  if (!context.keyring()?.outbox.length) return
  await exclusively(context, async () => {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(new LatchkeyError('OFFLINE')), DELIVERY_TIMEOUT_MS)
    await deliverOutbox(context, deadline.signal).finally(() => clearTimeout(timer))
  })
}

/**
 * Delivers to the account server what it has not received yet. An item leaves the record only once it was delivered.
 * Called only inside `exclusively`: a late sign-out would end the next session.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function deliverOutbox(context: Context, signal?: AbortSignal): Promise<void> {
  const account = accountOf(context, signal)
  // A page or worker without an account provider leaves it to one that has one.
  if (!account) return
  await context.read()
  for (const item of context.keyring()?.outbox ?? []) {
    const found = await account.getSession()
    // Another account has signed in on this browser since, so the session that was meant is not there any more.
    if (!found || found.accountId === item.accountId) await account.signOut()
    await context.write(
      (keyring) => keyring && { ...keyring, outbox: keyring.outbox.filter(({ id }) => id !== item.id) },
    )
  }
}

/** Ends a session at the account server, now or as soon as it can be reached, and the pending upgrade here. */
export async function endSession(context: Context, accountId: string): Promise<void> {
  await context.write((found) => withSignOut({ ...(found ?? EMPTY_KEYRING), intent: null }, accountId, context.now()))
  await deliverOutbox(context).catch(() => {})
}
