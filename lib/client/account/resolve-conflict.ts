import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { backupsOf } from '../../keystore/backups.ts'
import { currentAccount, currentPrincipals, deviceOf, replaceEntry, withAliases } from '../../keystore/entries.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import type { AuthState, Conflict, Session } from '../../machine/state.ts'
import type { Decision } from '../../machine/events.ts'
import type { ConflictPolicy, ConflictPreview, ResolveOptions, UpgradeResult, Upgraded } from '../auth.ts'
import { unlessAborted } from '../shared/abort.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { guarded } from '../../machine/guarded.ts'
import { describe } from '../shared/local-data.ts'
import { exclusively } from '../shared/lock.ts'
import { NO_ANSWER, type Settled, settle } from './apply.ts'

const DECISIONS: readonly string[] = ['adopt', 'switch', 'discard'] satisfies Decision[]

/** Resolves a conflict as the user decided. */
export async function resolveConflict(
  context: Context,
  decision: Decision,
  options: ResolveOptions = {},
): Promise<UpgradeResult> {
  checkGiven(options, { force: 'boolean' })
  const account = accountOf(context)
  if (!account) throw new TypeError('resolveConflict: createAuth needs the `account` option')
  if (!DECISIONS.includes(decision)) throw new TypeError('resolveConflict: expected adopt, switch or discard')
  if (decision === 'discard' && !options.force)
    throw new TypeError('resolveConflict: discard deletes the device identity; pass { force: true }')
  const { phase, upgrade } = context.getState()
  if (phase !== 'conflict') throw new LatchkeyError('CONFLICT_MISSING')
  return carryOut(context, account, decision, upgrade!.conflict!)
}

/** @param shown - the conflict that the decision is about: consent to one account does not cover another one */
async function carryOut(
  context: Context,
  account: AccountProvider,
  decision: Decision,
  shown: Conflict,
): Promise<UpgradeResult> {
  try {
    const settled = await exclusively(context, () => end(context, account, decision, shown))
    context.dispatch({ type: 'conflictResolved', view: context.view(), decision })
    return { outcome: settled === 'switched' ? 'switched' : 'adopted', ...upgraded(context) }
  } catch (thrown) {
    return failed(context, toError(thrown))
  }
}

function failed(context: Context, error: LatchkeyError): UpgradeResult {
  // If the conflict is over, another upgrade may be running by now.
  if (context.getState().phase === 'conflict') context.dispatch({ type: 'upgradeFailed', failure: error.code })
  return { outcome: 'failed', error }
}

async function end(context: Context, account: AccountProvider, decision: Decision, shown: Conflict): Promise<Settled> {
  await context.read()
  const { conflict } = context.waiting()
  if (!conflict) throw new LatchkeyError('CONFLICT_MISSING')
  if (!isSameConflict(conflict, shown)) throw new LatchkeyError('IDENTITY_CHANGED', 'another account is in conflict')
  const { isTaken } = conflict
  const before = currentEntry(context.keyring())
  const found = await stillThere(context, account, conflict)
  return settle(context, account, { before, found, consent: 'asked', decision, isTaken })
}

/** Returns the session of the conflict. If it is gone, the conflict is over. */
async function stillThere(context: Context, account: AccountProvider, conflict: Conflict): Promise<AccountSession> {
  const found = await account.getSession({ peek: true })
  if (found?.accountId === conflict.account.accountId) return found
  await context.write((keyring) => keyring && { ...keyring, intent: null })
  await context.read()
  throw new LatchkeyError('SESSION_MISSING', 'sign in again')
}

/** Removes an alias from the current account. */
export async function unlinkAlias(context: Context, alias: string): Promise<Session> {
  const account = accountOf(context)
  if (!account?.unlink) throw new TypeError('unlinkAlias: the account provider cannot unlink')
  const { unlink } = account
  await exclusively(context, async () => {
    await context.read()
    const entry = currentAccount(context.keyring())
    if (!entry?.aliases.includes(alias)) throw new LatchkeyError('IDENTITY_UNKNOWN', 'no such alias of the account')
    const { aliases } = (await unlink(alias)) ?? {}
    if (!Array.isArray(aliases)) throw new LatchkeyError('PROVIDER_FAILED', 'unlink returned no account')
    await context.write((keyring) => {
      const kept = keyring?.entries.find((other) => other.kind === 'account' && other.accountId === entry.accountId)
      return keyring && kept?.kind === 'account' ? replaceEntry(keyring, kept, withAliases(kept, aliases)) : keyring
    })
  })
  context.dispatch({ type: 'sessionConfirmed', view: context.view() })
  return context.getState().session!
}

/** Describes both sides of the conflict. */
export async function previewConflict(context: Context): Promise<ConflictPreview> {
  await context.read()
  const { conflict } = context.waiting()
  if (!conflict) throw new LatchkeyError('CONFLICT_MISSING')
  const { describeLocal, describeAccount } = context.options
  const [deviceData, accountData, canAdopt] = await Promise.all([
    describe(() => describeLocal?.(conflict.principal)),
    describe(() => describeAccount?.(conflict.account)),
    mayAdopt(context, conflict),
  ])
  return { ...conflict, canAdopt, deviceData, accountData }
}

/** The account server decides in the end: without its answer, adoption counts as possible. */
async function mayAdopt(context: Context, { isTaken, account: { accountId } }: Conflict): Promise<boolean> {
  const account = accountOf(context)
  if (isTaken || !account?.link) return false
  const found = await describe(() => account.getSession({ peek: true }))
  return found?.accountId !== accountId || found.canAdopt !== false
}

/**
 * Shows the outcome of an attempt, and applies the app's conflict policy if it is allowed to decide.
 *
 * @param signal - of the caller; ends the wait for the policy
 */
export async function conclude(
  context: Context,
  settled: Exclude<Settled, 'shown'>,
  signal?: AbortSignal,
): Promise<UpgradeResult> {
  if (settled !== 'conflict') {
    context.dispatch({ type: 'upgradeCompleted', view: context.view() })
    return { outcome: settled, ...upgraded(context) }
  }
  const waiting = context.waiting()
  const conflict = waiting.conflict
  context.dispatch({ type: 'conflictFound', upgrade: waiting })
  if (!conflict) throw new LatchkeyError('IDENTITY_CHANGED')
  return applyPolicy(context, conflict, signal)
}

/** The conflict that the app's policy was asked about in this page. By a part of the context that its copies share. */
const asked = new WeakMap<Context['timing'], Conflict>()

/**
 * Applies the app's policy to a conflict that an earlier page left: it was closed, or the answer was lost. A policy may
 * ask the user: it is not called before the account server answers.
 *
 * @throws {LatchkeyError} the account server did not answer: the policy decides again later
 */
export async function concludeLeft(context: Context): Promise<void> {
  const { phase, upgrade } = context.getState()
  const { onConflict = 'ask' } = context.options
  const account = accountOf(context)
  if (phase !== 'conflict' || onConflict === 'ask' || !account) return
  const conflict = upgrade!.conflict!
  if (isSameConflict(asked.get(context.timing), conflict)) return
  asked.set(context.timing, conflict)
  const result = await account.getSession({ peek: true }).then(
    () => applyPolicy(context, conflict),
    (error: unknown) => failed(context, toError(error)),
  )
  if (result.outcome !== 'failed' || !NO_ANSWER.includes(result.error.code)) return
  asked.delete(context.timing)
  throw result.error
}

async function applyPolicy(context: Context, conflict: Conflict, signal?: AbortSignal): Promise<UpgradeResult> {
  asked.set(context.timing, conflict)
  try {
    const decision = await whileShown(context, conflict, signal, () => policyOf(context, conflict))
    const isPossible = decision === 'switch' || (decision === 'adopt' && !conflict.isTaken)
    // A sign-out may have begun meanwhile.
    if (isPossible && context.getState().phase === 'conflict')
      return await carryOut(context, accountOf(context)!, decision, conflict)
  } catch (error) {
    return failed(context, toError(error))
  }
  return conflict.isTaken
    ? { outcome: 'taken', error: new LatchkeyError('PRINCIPAL_TAKEN'), conflict }
    : { outcome: 'conflict', conflict }
}

/**
 * Waits for the app's policy as long as this tab shows the conflict that it was asked about.
 *
 * @throws {LatchkeyError} `UPGRADE_CANCELLED`, `IDENTITY_CHANGED`
 */
async function whileShown<Value>(
  context: Context,
  conflict: Conflict,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  const wait = new AbortController()
  const cancel = (): void => wait.abort(new LatchkeyError('UPGRADE_CANCELLED', undefined, signal?.reason))
  const look = ({ session, upgrade }: AuthState): void => {
    if (isSameConflict(upgrade?.conflict, conflict)) return
    const isOthers = upgrade?.conflict || session?.principal !== conflict.principal
    wait.abort(new LatchkeyError(isOthers ? 'IDENTITY_CHANGED' : 'UPGRADE_CANCELLED'))
  }
  const stop = context.subscribe(look)
  signal?.addEventListener('abort', cancel)
  try {
    if (signal?.aborted) cancel()
    look(context.getState())
    wait.signal.throwIfAborted()
    return await unlessAborted(wait.signal, work())
  } finally {
    stop()
    signal?.removeEventListener('abort', cancel)
  }
}

/** Tells whether two conflicts are between the same device identity and the same account. */
export function isSameConflict(one: Conflict | undefined, other: Conflict): boolean {
  return one?.principal === other.principal && one.account.accountId === other.account.accountId
}

async function policyOf(context: Context, conflict: Conflict): Promise<ConflictPolicy> {
  const { onConflict = 'ask' } = context.options
  if (typeof onConflict !== 'function') return onConflict
  try {
    const preview = await previewConflict(context)
    return isSameConflict(preview, conflict) ? await onConflict(preview) : 'ask'
  } catch (error) {
    // If the app's policy fails, nothing is decided.
    guarded(() => {
      throw error
    })
    return 'ask'
  }
}

function upgraded(context: Context): Upgraded {
  const keyring = context.keyring()
  const backups = currentPrincipals(keyring)
    .flatMap((principal) => deviceOf(keyring, principal) ?? [])
    .flatMap(backupsOf)
  return { session: context.getState().session!, ...(backups.length > 0 && { backups: 'data-only' }) }
}

/** Converts any thrown value into an error with a code. */
export function toError(thrown: unknown): LatchkeyError {
  return isLatchkeyError(thrown) ? thrown : new LatchkeyError('PROVIDER_REFUSED', undefined, thrown)
}
