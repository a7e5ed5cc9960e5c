import { LatchkeyError } from '../../errors.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import { withSignOutOfAll } from '../../keystore/entries.ts'
import { EMPTY_KEYRING, currentEntry, entryId } from '../../keystore/keyring.ts'
import type { Entry } from '../../keystore/record.ts'
import type { Conflict, WaitingAccount } from '../../machine/state.ts'
import type { RunOptions, UpgradeOptions, UpgradeResult } from '../auth.ts'
import { currentKey } from '../device/identity.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'
import { isNetworkError } from '../../network-error.ts'
import { exclusively } from '../shared/lock.ts'
import { proofFor } from '../shared/proof.ts'
import { shownId } from '../shared/shown.ts'
import { readUnlessVanished } from '../shared/vanished.ts'
import { correctClock, isRefusedOnTime } from '../tokens/clock-skew.ts'
import { unprovenAccountKey } from './account-key.ts'
import { type Settled, checkUnchanged, settle } from './apply.ts'
import { cancelRunning, cancellable, untilCancelled } from './cancellable.ts'
import { isSameIdentity } from './decide.ts'
import { deliverOutbox, endSession } from './outbox.ts'
import { type PendingIntent, openIntent } from './pending-upgrade.ts'
import { conclude, isSameConflict, toError } from './resolve-conflict.ts'
import { revalidate } from './revalidate.ts'
import { checkSession, consentTo, isLeftTo, notLeft, showWaiting, waitingSession } from './session-check.ts'

/** The result of an attempt. `pending`: an external step is still to come. */
type Reached = Settled | 'pending'

/** Signs up or in through `run`, and binds the device's principal to the account. */
export async function upgrade(
  context: Context,
  run: (given: RunOptions) => unknown,
  options: UpgradeOptions = {},
): Promise<UpgradeResult> {
  if (typeof run !== 'function') throw new TypeError('upgrade: expected a function that signs up or in')
  checkGiven(options, { identifier: 'string', signal: 'object' })
  const { identifier, signal } = options
  const result = await start(context, signal, (turn, shown) => reach(context, turn, { shown, identifier, run }))
  // The server may have created a session all the same: it waits for confirmation, or a sign-out has to end it.
  const isCut = result.outcome === 'failed' && ['UPGRADE_CANCELLED', 'IDENTITY_CHANGED'].includes(result.error.code)
  if (isCut) void look(context)
  return result
}

/** Looks for a session in the background. */
async function look(context: Context): Promise<void> {
  const check = context.getState().authMode === 'external' ? revalidate : checkSession
  await check(context).catch(() => {})
}

/** Continues with the waiting account, which the app showed and the user confirmed. */
export async function acceptAccount(context: Context): Promise<UpgradeResult> {
  const result = await start(context, undefined, (turn, shown) =>
    untilCancelled(context, turn, (inTurn) => acceptShown(inTurn, turn, shown)),
  )
  // The waiting account may be gone.
  if (result.outcome === 'failed') await look(context)
  return result
}

/** The id of the identity that this tab showed when the app asked, as {@link shownId} returns it. */
type ShownId = ReturnType<typeof shownId>

async function start(
  context: Context,
  signal: AbortSignal | undefined,
  attempt: (turn: AbortSignal, shown: ShownId) => Promise<Reached>,
): Promise<UpgradeResult> {
  if (!context.options.account) throw new TypeError('upgrade: createAuth needs the `account` option')
  if (context.getState().phase === 'conflict') throw new LatchkeyError('CONFLICT', 'resolve it first')
  checkIdle(context)
  context.dispatch({ type: 'upgradeStarted' })
  try {
    const reached = await cancellable(context, signal, async (turn) => {
      // A browser that blocks storage denies Web Locks too, with an error that says nothing about storage.
      if (context.getState().storage.problem) await readUnlessVanished(context)
      const shown = shownId(context)
      return exclusively(context, () => beginAnew(context).then(() => attempt(turn, shown)), turn)
    })
    return reached === 'pending' || reached === 'shown' ? pended(context) : await conclude(context, reached, signal)
  } catch (thrown) {
    const error = toError(thrown)
    context.dispatch({ type: 'upgradeFailed', failure: error.code })
    return error.code === 'PRINCIPAL_TAKEN' ? { outcome: 'taken', error } : { outcome: 'failed', error }
  }
}

/**
 * Begins a new record if the earlier one was deleted before this page started: a sign-in is a way back. While a page
 * still knows the identity, only `ensureIdentity` stores it again.
 */
async function beginAnew(context: Context): Promise<void> {
  if (context.keyring() || (await readUnlessVanished(context))) return
  await context.write((found) => found ?? EMPTY_KEYRING, { restores: true })
}

function pended(context: Context): UpgradeResult {
  const { account } = context.getState().upgrade ?? {}
  const waiting = { ...context.waiting(), ...(account && { account }) }
  context.dispatch({ type: 'upgradePended', upgrade: waiting })
  return { outcome: 'pending', ...waiting }
}

/** Ends a running or pending upgrade or a conflict, and the session of the account that waits. */
export async function cancelUpgrade(context: Context): Promise<void> {
  const wasRunning = await cancelRunning(context)
  checkIdle(context)
  const { upgrade: shown = {} } = context.getState()
  const current = shownId(context)
  const account = shown.account ?? shown.conflict?.account
  if (account) await exclusively(context, () => endWaiting(context, account, shown.conflict, current))
  else await endPending(context)
  context.dispatch({ type: 'upgradeCancelled' })
  // The end of a waiting account has stopped every look before.
  if (wasRunning) void look(context)
}

/** Ends the session of the account that waits. Another tab may have decided about it meanwhile. */
async function endWaiting(
  context: Context,
  account: WaitingAccount,
  shown: Conflict | undefined,
  current: string | null | undefined,
): Promise<void> {
  await readShown(context, shown)
  if ((context.keyring()?.current ?? null) !== current) throw new LatchkeyError('IDENTITY_CHANGED')
  const { sessionId: id } = context.keyring()?.intent ?? {}
  await endSession(context, shown ? { ...account, ...(id !== undefined && { id }) } : waitingSession(context, account))
}

async function endPending(context: Context): Promise<void> {
  await readShown(context, undefined)
  await context.write((keyring) => (keyring?.intent ? { ...keyring, intent: null } : keyring))
}

/** A conflict that this tab did not show must not end here. */
async function readShown(context: Context, shown: Conflict | undefined): Promise<void> {
  await context.read()
  const { conflict } = context.waiting()
  if (shown && !conflict) throw new LatchkeyError('CONFLICT_MISSING')
  if (conflict && !isSameConflict(shown, conflict)) throw new LatchkeyError('IDENTITY_CHANGED')
}

/** Only an account that was shown counts as confirmed by the user. */
async function acceptShown(context: Context, turn: AbortSignal, shown: ShownId): Promise<Reached> {
  const account = accountOf(context, turn)!
  const waiting = context.getState().upgrade?.account
  const before = await readUnchanged(context, shown)
  await deliverOutbox(context, turn)
  const found = await account.getSession({ peek: true })
  if (!found) throw new LatchkeyError('SESSION_MISSING')
  if (waiting && waiting.accountId !== found.accountId)
    throw new LatchkeyError('IDENTITY_CHANGED', 'another account is signed in by now')
  return settleFound(context, account, before, found, waiting !== undefined)
}

interface Asked {
  readonly shown: ShownId
  readonly identifier: string | undefined
  readonly run: (options: RunOptions) => unknown
}

async function reach(context: Context, turn: AbortSignal, { shown, identifier, run }: Asked): Promise<Reached> {
  const before = await readUnchanged(context, shown)
  const key = (await currentKey(context)) ?? (await unprovenAccountKey(context))
  // An undelivered sign-out would end the session that is about to be created.
  await deliverOutbox(context, turn)
  const intent = openIntent(context, identifier)
  try {
    await intent.begin()
    const begin = (): unknown => {
      // The provider may take a moment before it calls this.
      turn.throwIfAborted()
      return run({ signal: turn })
    }
    const given = { before, key, intent, turn, run: begin }
    return await untilCancelled(context, turn, (inTurn) => attempt(inTurn, accountOf(context, turn)!, given))
  } catch (error) {
    // If the intent cannot be restored, the upgrade counts as pending until it expires.
    await intent.restore().catch(() => {})
    await leaveWithUser(context, before).catch(() => {})
    throw error
  }
}

/**
 * Ends the session that `run` may have made, if its user has signed out in another tab meanwhile: that sign-out is
 * older, and the next user must not be offered the session.
 */
async function leaveWithUser(context: Context, before: Entry | undefined): Promise<void> {
  await context.write((keyring) => {
    if (!keyring || !before || keyring.current === entryId(before)) return keyring
    return isLeftTo(currentEntry(keyring)) ? withSignOutOfAll(keyring, deviceTime(context)) : keyring
  })
}

interface Attempt {
  readonly before: Entry | undefined
  readonly key: DeviceKey | null
  readonly intent: PendingIntent
  readonly run: () => unknown
  /** Cancels the attempt. */
  readonly turn: AbortSignal
}

async function attempt(context: Context, account: AccountProvider, given: Attempt): Promise<Reached> {
  const { before } = given
  const earlier = await account.getSession({ peek: true })
  const { failure, sent, unasked, signedIn } = await runInTime(context, account, given)
  const found = await account.getSession({ peek: true })
  // The session that the current account had before says nothing about this run.
  const isOld = before?.kind === 'account' && found !== null && isSameSession(earlier, found)
  // The upgrade succeeded if only the response was lost.
  const isDone = found !== null && !isOld && isSameIdentity(found, before)
  if (failure && !isDone) throw failure
  if (!sent && !isDone) throw new LatchkeyError('PROOF_NOT_SENT')
  if (!found && signedIn) throw new LatchkeyError('SESSION_NOT_KEPT')
  if (!found) return 'pending'
  // A link may have been sent by anyone, and so may a session appear that `run` did not make.
  return settleFound(context, account, before, found, !unasked && isMadeByRun(given.key, earlier, found, signedIn))
}

/**
 * A session with a proof of this device was made by this device. A device without an identity proves nothing: there the
 * server must have said, in response to `run`, that it made a session.
 */
function isMadeByRun(
  key: DeviceKey | null,
  earlier: AccountSession | null,
  found: AccountSession,
  signedIn: boolean | undefined,
): boolean {
  if (isSameSession(earlier, found)) return false
  return (
    found.provenBy === undefined ||
    (key === null ? signedIn === true && found.provenBy === null : found.provenBy === key.principal)
  )
}

async function settleFound(
  context: Context,
  account: AccountProvider,
  before: Entry | undefined,
  found: AccountSession,
  isAsked: boolean,
): Promise<Settled> {
  const consent = isAsked ? 'asked' : consentTo(context, found)
  const settled = await settle(context, account, { before, found, consent })
  if (settled !== 'shown') return settled
  // The next user must not be offered it. What makes an account current checks that itself.
  checkUnchanged(context.keyring(), before)
  showWaiting(context, notLeft(context, found))
  return settled
}

function isSameSession(earlier: AccountSession | null, found: AccountSession): boolean {
  return earlier?.accountId === found.accountId && earlier.id === found.id
}

/** Another tab may have changed the identity while this one waited for the lock. */
async function readUnchanged(context: Context, shown: ShownId): Promise<Entry | undefined> {
  // Where none was shown, the device's own may have been made meanwhile: it is the one that is meant.
  const isFirst = shown === null && context.getState().authMode === 'local-first'
  const expected = isFirst ? shownId(context) : shown
  const keyring = await context.read()
  if ((keyring?.current ?? null) !== expected) throw new LatchkeyError('IDENTITY_CHANGED')
  return currentEntry(context.keyring())
}

interface Ran {
  readonly failure: LatchkeyError | null
  readonly sent: boolean
  readonly unasked?: boolean
  readonly signedIn?: boolean
}

/** A refusal because of the time happens before anything else: one retry with the corrected clock. */
async function runInTime(context: Context, account: AccountProvider, given: Attempt): Promise<Ran> {
  const ran = await runWithProof(context, account, given)
  return isRefusedOnTime(ran.failure) && (await correctClock(context)) ? runWithProof(context, account, given) : ran
}

/** Runs the sign-up. Providers report failures in different ways: all of them are read. */
async function runWithProof(
  context: Context,
  account: AccountProvider,
  { key, intent, run, turn: signal }: Attempt,
): Promise<Ran> {
  const mint = key && ((nonce?: string) => proofFor(context, key, account, { purpose: 'upgrade', nonce }))
  const typing = { expected: intent.expected, signal, onTyped: (identifier: string) => intent.expect(identifier) }
  try {
    const { result, ...ran } = await account.withProof(mint, run, typing)
    return { ...ran, failure: account.readFailure(result) }
  } catch (thrown) {
    return { failure: account.readFailure(thrown) ?? ofRun(thrown), sent: true }
  }
}

/** Errors of the language itself: the app made a mistake, and the account server said nothing. */
const MISTAKES: readonly string[] = ['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError']

/** What `run` threw, where the account provider does not know it. */
function ofRun(thrown: unknown): LatchkeyError {
  if (isNetworkError(thrown)) return new LatchkeyError('OFFLINE', undefined, thrown)
  const isMistake = MISTAKES.includes((thrown as Error | null | undefined)?.name ?? '')
  return isMistake ? new LatchkeyError('RUN_FAILED', undefined, thrown) : toError(thrown)
}
