import { LatchkeyError } from '../../errors.ts'
import { EVERY_ACCOUNT, withSignOut } from '../../keystore/entries.ts'
import { EMPTY_KEYRING } from '../../keystore/keyring.ts'
import type { OutboxItem } from '../../keystore/record.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'
import { exclusively } from '../shared/lock.ts'
import { readUnlessVanished } from '../shared/vanished.ts'

/** How long a background delivery may delay a sign-in or upgrade: shorter than these wait for the lock. */
const DELIVERY_TIMEOUT_MS = 8_000

/**
 * Delivers the outbox in the background, in one tab at a time. A sign-in that begins meanwhile waits for it.
 *
 * @throws {LatchkeyError} `OFFLINE`, `UPGRADE_IN_PROGRESS`
 */
export async function deliverPending(context: Context): Promise<void> {
  if (!context.options.account || !(await readUnlessVanished(context))) return
  if (!context.keyring()?.outbox.length) return
  await exclusively(context, async () => {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(new LatchkeyError('OFFLINE')), DELIVERY_TIMEOUT_MS)
    await deliverOutbox(context, deadline.signal).finally(() => clearTimeout(timer))
  })
}

/**
 * Delivers the outbox to the account server. An item leaves the record only once its session no longer exists. Call it
 * only inside `exclusively`: a late sign-out would end the next session.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function deliverOutbox(context: Context, signal?: AbortSignal): Promise<void> {
  const account = accountOf(context, signal)
  // A page or worker without an account provider leaves the outbox to one that has a provider.
  if (!account) return
  await context.read()
  for (const item of context.keyring()?.outbox ?? []) {
    if (!(await deliver(context, account, item))) continue
    await context.write(
      (keyring) => keyring && { ...keyring, outbox: keyring.outbox.filter(({ id }) => id !== item.id) },
    )
  }
}

/** Returns true if the account server itself reports that the session no longer exists. */
async function deliver(context: Context, account: AccountProvider, item: OutboxItem): Promise<boolean> {
  const session = await account.getSession({ peek: true })
  const { accountId, sessionId } = item
  const isLeft = session !== null && isSessionOf(item, session, deviceTime(context))
  // The browser has one session at a time: if it is newer than the sign-out, none from before it is left.
  if (accountId === EVERY_ACCOUNT && !isLeft) return true
  if (!session || isLeft) {
    await account.signOut({ session: session ?? (sessionId === undefined ? {} : { id: sessionId }) })
    return true
  }
  // Another user has signed in on this browser since. That session stays, and the one to be ended may still exist.
  return sessionId !== undefined && (await account.isEnded?.(sessionId)) === true
}

/** Returns true if a session is about to be ended: it must not be shown, and not be used. */
export function isLeft(context: Context, session: AccountSession): boolean {
  return (context.keyring()?.outbox ?? []).some((item) => isSessionOf(item, session, deviceTime(context)))
}

/**
 * Returns true for the session that a sign-out names, for one that the same user derived from it, and, if it names
 * every account, for one that is older than the sign-out.
 */
function isSessionOf({ accountId, sessionId, createdAt }: OutboxItem, session: AccountSession, now: number): boolean {
  if (sessionId !== undefined && session.id === sessionId) return true
  if (accountId !== EVERY_ACCOUNT) {
    if (![session.accountId, session.impersonatedBy].includes(accountId)) return false
    // Without ids a clock that was set forward would make every session look newer.
    if (sessionId === undefined || session.id === undefined) return true
  }
  // Each is a span of one clock, so that the two clocks need not agree. One that was set back proves nothing.
  const span = now - createdAt
  return session.age !== undefined && span >= 0 && session.age >= span
}

/** Ends the pending upgrade here, and a session at the account server, now or as soon as the server is reachable. */
export async function endSession(
  context: Context,
  { accountId, id: sessionId }: Pick<AccountSession, 'accountId' | 'id'>,
): Promise<void> {
  await context.write((found) =>
    withSignOut({ ...(found ?? EMPTY_KEYRING), intent: null }, { accountId, sessionId }, deviceTime(context)),
  )
  await deliverOutbox(context).catch(() => {})
}
