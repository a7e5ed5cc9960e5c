import { LatchkeyError } from '../../errors.ts'
import { withSignOut } from '../../keystore/entries.ts'
import { EMPTY_KEYRING } from '../../keystore/keyring.ts'
import type { OutboxItem } from '../../keystore/record.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
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
 * Delivers to the account server what it has not received yet. An item leaves the record only once its session is gone.
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
    if (!(await deliver(context, account, item))) continue
    await context.write(
      (keyring) => keyring && { ...keyring, outbox: keyring.outbox.filter(({ id }) => id !== item.id) },
    )
  }
}

/** @returns whether the session is gone: the account server itself said so */
async function deliver(context: Context, account: AccountProvider, item: OutboxItem): Promise<boolean> {
  const session = await account.getSession({ peek: true })
  const { sessionId } = item
  if (!session || isSessionOf(item, session, context.now())) {
    await account.signOut({ session: session ?? (sessionId === undefined ? {} : { id: sessionId }) })
    return true
  }
  // Another person has signed in on this browser since: that session stays, and the one that was meant may live on.
  return sessionId !== undefined && (await account.isEnded?.(sessionId)) === true
}

/** True if a session is about to be ended: it must not be shown, and not be used. */
export function isLeft({ keyring, now }: Context, session: AccountSession): boolean {
  return (keyring()?.outbox ?? []).some((item) => isSessionOf(item, session, now()))
}

/** True if this is the session that a sign-out meant, or one that its person began from it. */
function isSessionOf({ accountId, sessionId, createdAt }: OutboxItem, session: AccountSession, now: number): boolean {
  if (sessionId !== undefined && session.id === sessionId) return true
  if (![session.accountId, session.impersonatedBy].includes(accountId)) return false
  const { age } = session
  // Both are spans of one clock each, so that it does not matter whether the two agree.
  if (age !== undefined) return age >= now - createdAt
  return sessionId === undefined || session.id === undefined
}

/** Ends a session at the account server, now or as soon as it can be reached, and the pending upgrade here. */
export async function endSession(
  context: Context,
  { accountId, id }: Pick<AccountSession, 'accountId' | 'id'>,
): Promise<void> {
  const session = { accountId, ...(id !== undefined && { sessionId: id }), createdAt: context.now() }
  await context.write((found) => withSignOut({ ...(found ?? EMPTY_KEYRING), intent: null }, session))
  await deliverOutbox(context).catch(() => {})
}
