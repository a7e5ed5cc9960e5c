import type { LatchkeyError } from '../../errors.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import type { Entry, Intent } from '../../keystore/record.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { correctClock, isRefusedOnTime } from '../tokens/clock-skew.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import { keepExpected, withIntent } from './pending-upgrade.ts'
import { exclusively } from '../shared/lock.ts'
import { deliverOutbox } from './outbox.ts'
import { considerSession, lookOutside, showWaiting } from './session-check.ts'
import { proofFor } from '../shared/proof.ts'
import { type UpgradeResult, conclude, toError } from './resolve-conflict.ts'
import type { Runtime } from '../shared/context.ts'
import { type Taken, completeUpgrade, endSession, isSameIdentity, takeAccount } from './apply.ts'

/** Signs up or in through `run`, and binds the device's principal to the account. */
export async function upgrade(runtime: Runtime, run: () => unknown): Promise<UpgradeResult> {
  if (typeof run !== 'function') throw new TypeError('upgrade: expected a function that signs up or in')
  return perform(runtime, (account) => reach(runtime, account, run))
}

/** Continues with the account that waits, which the app showed and the user confirmed. */
export async function acceptAccount(runtime: Runtime): Promise<UpgradeResult> {
  const result = await perform(runtime, (account) => takeWaiting(runtime, account))
  // What waited may not be there any more.
  if ('error' in result && result.outcome !== 'taken') await lookOutside(runtime, false).catch(() => {})
  return result
}

async function perform(
  runtime: Runtime,
  attempt: (account: AccountProvider) => Promise<Taken | 'pending'>,
): Promise<UpgradeResult> {
  const { account } = runtime.options
  if (!account) throw new TypeError('upgrade: createAuth needs the `account` option')
  if (runtime.getState().phase === 'conflict') throw runtime.core.fail('CONFLICT', 'resolve it first')
  if (!runtime.dispatch({ type: 'upgradeStarted' })) throw runtime.core.fail('UPGRADE_IN_PROGRESS')
  try {
    const outcome = await exclusively(runtime, () => attempt(account))
    return outcome === 'pending' ? pended(runtime) : await conclude(runtime, outcome)
  } catch (thrown) {
    const error = toError(runtime, thrown)
    runtime.dispatch({ type: 'upgradeFailed', failure: error.code })
    return error.code === 'PRINCIPAL_TAKEN' ? { outcome: 'taken', error } : { outcome: 'failed', error }
  }
}

function pended(runtime: Runtime): UpgradeResult {
  const { account } = runtime.getState().upgrade ?? {}
  const waiting = { ...runtime.waiting(), ...(account && { account }) }
  runtime.dispatch({ type: 'upgradePended', upgrade: waiting })
  return { outcome: 'pending', ...waiting }
}

/** Ends an upgrade that waits, and the session that it brought. */
export async function cancelUpgrade(runtime: Runtime): Promise<void> {
  checkIdle(runtime)
  const { upgrade: { conflict, account = conflict?.account } = {} } = runtime.getState()
  if (account) await exclusively(runtime, () => endWaiting(runtime, account.accountId, conflict !== undefined))
  else await runtime.write((ring) => (ring.intent ? { ...ring, intent: null } : ring))
  runtime.dispatch({ type: 'upgradeCancelled' })
}

async function endWaiting(runtime: Runtime, accountId: string, isConflict: boolean): Promise<void> {
  await runtime.read()
  // Another tab may have decided meanwhile: the session of an account that is current does not end here.
  if (isConflict && !runtime.waiting().conflict) throw runtime.core.fail('CONFLICT_MISSING')
  await endSession(runtime, accountId)
}

/** The session that is there was shown to the person, and they said yes; before it was shown they cannot have. */
async function takeWaiting(runtime: Runtime, account: AccountProvider): Promise<Taken | 'pending'> {
  const shown = runtime.getState().upgrade?.account
  const before = await readUnchanged(runtime)
  await deliverOutbox(runtime)
  const found = await account.getSession({ peek: true })
  if (!found) throw runtime.core.fail('SESSION_MISSING')
  if (!shown) return considered(runtime, account, before, found)
  if (shown.accountId !== found.accountId)
    throw runtime.core.fail('IDENTITY_CHANGED', 'another account is signed in by now')
  return takeAccount(runtime, account, before, found)
}

async function reach(runtime: Runtime, account: AccountProvider, run: () => unknown): Promise<Taken | 'pending'> {
  const before = await readUnchanged(runtime)
  const key = await runtime.deviceKey()
  // A sign-out that the server has not heard yet would end the session that is about to be made.
  await deliverOutbox(runtime)
  return withIntent(runtime, (intent) => attempt(runtime, account, { before, key, intent, run }))
}

interface Attempt {
  readonly before: Entry | undefined
  readonly key: DeviceKey | null
  readonly intent: Intent
  readonly run: () => unknown
}

async function attempt(runtime: Runtime, account: AccountProvider, given: Attempt): Promise<Taken | 'pending'> {
  const earlier = await account.getSession({ peek: true })
  const { failure, sent, unasked } = await runInTime(runtime, account, given)
  const found = await account.getSession({ peek: true })
  if (found && isSameIdentity(found, given.before)) return completeUpgrade(runtime, given.before, found)
  if (failure) throw failure
  if (!sent) throw runtime.core.fail('PROOF_NOT_SENT')
  if (!found) return 'pending'
  // A session that `run` did not make could be anybody's; so could one of a link that anybody may have sent.
  if (unasked || isSameSession(earlier, found)) return considered(runtime, account, given.before, found)
  return takeAccount(runtime, account, given.before, found)
}

/** A session that nobody here asked for is taken only if it is meant for this identity; otherwise it is shown. */
async function considered(
  runtime: Runtime,
  account: AccountProvider,
  before: Entry | undefined,
  found: AccountSession,
): Promise<Taken | 'pending'> {
  const taken = await considerSession(runtime, account, before, found, false)
  if (!taken) showWaiting(runtime, found)
  return taken ?? 'pending'
}

function isSameSession(earlier: AccountSession | null, found: AccountSession): boolean {
  return earlier?.accountId === found.accountId && earlier.id === found.id
}

/** Another tab may have finished an act while this one waited for its turn. */
async function readUnchanged(runtime: Runtime): Promise<Entry | undefined> {
  const { current } = runtime.ring()
  await runtime.read()
  if (runtime.ring().current !== current) throw runtime.core.fail('IDENTITY_CHANGED')
  return runtime.core.currentEntry(runtime.ring())
}

interface Ran {
  readonly failure: LatchkeyError | null
  readonly sent: boolean
  readonly unasked?: boolean
}

/** A proof that is refused on time was refused before anything else happened: with a right clock, once more. */
async function runInTime(runtime: Runtime, account: AccountProvider, given: Attempt): Promise<Ran> {
  const ran = await runWithProof(runtime, account, given)
  return isRefusedOnTime(runtime, ran.failure) && (await correctClock(runtime))
    ? runWithProof(runtime, account, given)
    : ran
}

/** Runs the sign-up, and reads every way in which providers report a failure. */
async function runWithProof(runtime: Runtime, account: AccountProvider, { key, intent, run }: Attempt): Promise<Ran> {
  const mint = key && ((nonce?: string) => proofFor(runtime, key, account, { purpose: 'upgrade', nonce }))
  const onTyped = (identifier: string): Promise<void> => keepExpected(runtime, intent, identifier)
  try {
    const { result, ...ran } = await account.withProof(mint, run, { expected: intent.expected, onTyped })
    return { ...ran, failure: account.readFailure(result) }
  } catch (thrown) {
    return { failure: account.readFailure(thrown) ?? toError(runtime, thrown), sent: true }
  }
}
