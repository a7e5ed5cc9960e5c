import { withSignOut } from '../../keystore/entries.ts'
import { EMPTY_KEYRING } from '../../keystore/keyring.ts'
import type { Context } from '../shared/context.ts'

/**
 * Delivers the outbox to the account server. An item leaves the record only after it was delivered. Call it only inside
 * `exclusively`: a late sign-out would end the next session.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function deliverOutbox(context: Context): Promise<void> {
  const { account } = context.options
  // A page or worker without an account provider leaves the outbox to one that has a provider.
  if (!account) return
  await context.read()
  for (const item of context.keyring()?.outbox ?? []) {
    const found = await account.getSession()
    // If another account has signed in since, the session to be ended no longer exists.
    if (!found || found.accountId === item.accountId) await account.signOut()
    await context.write(
      (keyring) => keyring && { ...keyring, outbox: keyring.outbox.filter(({ id }) => id !== item.id) },
    )
  }
}

/** Ends the pending upgrade here, and the session at the account server, now or as soon as the server is reachable. */
export async function endSession(context: Context, accountId: string): Promise<void> {
  await context.write((found) => withSignOut({ ...(found ?? EMPTY_KEYRING), intent: null }, accountId, context.now()))
  await deliverOutbox(context).catch(() => {})
}
