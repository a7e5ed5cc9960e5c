import { currentAccount, withSignOut } from '../../keystore/entries.ts'
import { currentEntry, liveIntent } from '../../keystore/keyring.ts'
import type { Entry } from '../../keystore/record.ts'
import type { WaitingAccount } from '../../machine/state.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import type { Context } from '../shared/context.ts'
import { accountOf } from '../shared/bounded-account.ts'
import { deviceTime } from '../shared/device-time.ts'
import { givingWay, whileNoAct } from '../shared/lock.ts'
import { readUnlessVanished } from '../shared/vanished.ts'
import { type Settled, settle } from './apply.ts'
import { type Consent, type Facts, decide } from './decide.ts'
import { deliverPending, isLeft } from './outbox.ts'
import { conclude } from './resolve-conflict.ts'

/**
 * Checks for a session that appeared outside `upgrade`: after a redirect, after a mailed link, or from before Latchkey
 * was installed. A session that any party could have placed there waits for the user's confirmation.
 *
 * @param isFirst - true while the current identity is that of a first start that got no answer: on the day of
 *   installation the user may already be signed in
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function checkSession(context: Context, isFirst = (): boolean => false): Promise<void> {
  if (!context.options.account || !isWaiting(context)) return
  // A session that is about to be ended must not be used.
  await deliverPending(context)
  const settled = await givingWay(context, (turn) => look(context, turn, isFirst))
  if (settled !== 'shown') await conclude(context, settled)
}

/** True if no account is current, and no upgrade or sign-out is running. */
function isWaiting(context: Context): boolean {
  return context.getState().authMode !== 'external' && isAtRest(context)
}

function isAtRest({ getState }: Context): boolean {
  return ['ready', 'pending'].includes(getState().phase)
}

/** Looks without a lock, since most answers change nothing: no other tab waits for a slow server. */
async function look(context: Context, turn: AbortController, isFirst: () => boolean): Promise<Settled> {
  const account = accountOf(context, turn.signal)!
  await readUnlessVanished(context)
  const asked = context.getState()
  const found = notLeft(context, await account.getSession({ peek: true }))
  // A sign-out that overtook the answer has ended the session, and may be delivered already.
  if (isWaiting(context) && context.getState().session?.principal !== asked.session?.principal)
    return look(context, turn, isFirst)
  const facts = factsOf(context, found, isFirst)
  if (facts && decide(facts) !== 'show') return whileNoAct(context, turn, (inTurn) => check(inTurn, account, isFirst))
  if (isWaiting(context)) showWaiting(context, found)
  return 'shown'
}

/** Looks again inside the lock, since the session may have changed meanwhile, and applies the decision. */
async function check(context: Context, account: AccountProvider, isFirst: () => boolean): Promise<Settled> {
  await context.read()
  if (!isWaiting(context)) return 'shown'
  const found = notLeft(context, await account.getSession({ peek: true }))
  const facts = factsOf(context, found, isFirst)
  const settled = facts ? await settle(context, account, facts) : 'shown'
  // An upgrade of this tab that began meanwhile handles its own result.
  if (settled === 'shown' && isWaiting(context)) showWaiting(context, found)
  return settled
}

/** A session that a sign-out is about to end must not be offered to the next user. */
export function notLeft(context: Context, found: AccountSession | null): AccountSession | null {
  return found && isLeft(context, found) ? null : found
}

function factsOf(context: Context, found: AccountSession | null, isFirst: () => boolean): Facts | null {
  const consent = found && consentTo(context, found)
  if (!found || !consent) return null
  const before = currentEntry(context.keyring())
  return { before, found, consent: consent === 'none' && isFirst() && isMigrating(context) ? 'installed' : consent }
}

/** The app had accounts before it had Latchkey, and says until when a session may be one of those. */
export function isMigrating({ options, now }: Context): boolean {
  return now() < (options.migrateSessionsUntil ?? 0)
}

/** The consent to a session that no call on this device made. */
export function consentTo(context: Context, { identifiers = [] }: AccountSession): Consent {
  const expected = liveIntent(context.keyring(), deviceTime(context))?.expected?.trim().toLowerCase()
  const isExpected = expected !== undefined && identifiers.some((identifier) => identifier.toLowerCase() === expected)
  return isExpected ? 'expected' : 'none'
}

/** By a part of the context that its copies share: an upgrade shows a session with a copy. */
const waiting = new WeakMap<Context['timing'], AccountSession>()

/** Returns the session of the waiting account that is shown. */
export function waitingSession(
  context: Context,
  { accountId }: WaitingAccount,
): Pick<AccountSession, 'accountId' | 'id'> {
  const found = waiting.get(context.timing)
  return found?.accountId === accountId ? found : { accountId }
}

/** Shows a session that waits for confirmation, or that there is none. The current account waits for nothing. */
export function showWaiting(context: Context, found: AccountSession | null): void {
  const { failure } = context.getState().upgrade ?? {}
  if (found) waiting.set(context.timing, found)
  const account: WaitingAccount | null =
    found && found.accountId !== currentAccount(context.keyring())?.accountId
      ? { accountId: found.accountId, principal: found.principal, identifiers: found.identifiers ?? [] }
      : null
  context.dispatch({
    type: 'upgradePended',
    upgrade: { ...context.waiting(), ...(account && { account }), ...(failure && { failure }) },
  })
}

/**
 * Shows the session of an account that has replaced the one of the current account in this browser, or that there is
 * none any more.
 */
export function showReplacing(context: Context, found: AccountSession | null): void {
  if (!isAtRest(context) || !(found || context.getState().upgrade?.account)) return
  showWaiting(context, notLeft(context, found))
}

/** False if the same user has accepted an account, or restored an identity. True if its user has signed out. */
export function isLeftTo(next: Entry | undefined): boolean {
  return next?.kind !== 'account' && next?.origin !== 'imported'
}

/**
 * Ends the session of a waiting account once the user whom it waited for has signed out in another tab, which may not
 * show the account: the next user must not be offered it.
 *
 * @param deliver - tells the account server
 * @returns a function that ends the subscription
 */
export function endWaitingWithUser(context: Context, deliver: () => void): () => void {
  let before = context.getState()
  return context.subscribe((state) => {
    const { session, upgrade } = before
    before = state
    if (!session || !upgrade?.account || session.principal === state.session?.principal) return
    if (!isLeftTo(currentEntry(context.keyring()))) return
    const { accountId, id: sessionId } = waitingSession(context, upgrade.account)
    const write = context.write((keyring) => {
      // A sign-out in a tab that shows the account ends its session too.
      const isEnding = keyring?.outbox.some((item) => item.accountId === accountId && item.sessionId === sessionId)
      return keyring && !isEnding ? withSignOut(keyring, { accountId, sessionId }, deviceTime(context)) : keyring
    })
    write.then(deliver).catch(() => {})
  })
}
