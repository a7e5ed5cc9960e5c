import type { LatchkeyError } from '../errors.ts'
import type { DeviceKey } from '../identity/device-key.ts'
import type { AccountEntry, Entry } from '../keystore/record.ts'
import type { Session } from '../machine/state.ts'
import { mintProof } from '../tokens/prove.ts'
import type { AccountProvider, AccountSession } from './account.ts'
import { correctClock } from './clock.ts'
import { accountEntry } from './confirm-session.ts'
import { exclusively } from './lock.ts'
import type { LocalHoldings } from './options.ts'
import { deliverOutbox, withSignOut } from './outbox.ts'
import type { Runtime } from './runtime.ts'

/** What came of an upgrade. `error` says why it failed; the state is then exactly the one before. */
export type UpgradeResult =
  /** The account has this device's principal: the same identity, now with an account. */
  | { readonly outcome: 'upgraded'; readonly session: Session }
  /** The account has its own principal, and the device held nothing. */
  | { readonly outcome: 'switched'; readonly session: Session }
  | { readonly outcome: 'failed'; readonly error: LatchkeyError }

/** How long `describeLocal` may take before the device counts as holding something, in milliseconds. */
const PATIENCE = 2000

/** Signs up or in through `run`, and binds the device's principal to the account on the way. */
export async function upgrade(runtime: Runtime, run: () => unknown): Promise<UpgradeResult> {
  const { account } = runtime.options
  if (!account) throw new TypeError('upgrade: createAuth needs the `account` option')
  if (typeof run !== 'function') throw new TypeError('upgrade: expected a function that signs up or in')
  if (!runtime.dispatch({ type: 'upgradeStarted' })) throw runtime.core.fail('UPGRADE_IN_PROGRESS')
  try {
    const outcome = await exclusively(runtime, () => reach(runtime, account, run))
    runtime.dispatch({ type: 'upgradeCompleted', view: runtime.view() })
    return { outcome, session: runtime.getState().session! }
  } catch (thrown) {
    const error = toError(runtime, thrown)
    runtime.dispatch({ type: 'upgradeFailed', failure: error.code })
    return { outcome: 'failed', error }
  }
}

async function reach(runtime: Runtime, account: AccountProvider, run: () => unknown): Promise<'upgraded' | 'switched'> {
  const before = await readUnchanged(runtime)
  const key = await runtime.deviceKey()
  // A sign-out that the server has not heard yet would end the session that is about to be made.
  await deliverOutbox(runtime)
  let attempt = await runWithProof(runtime, account, key, run)
  // A proof that is refused on time was refused before anything else happened: with a right clock, once more.
  if (isOnTime(attempt.failure) && (await correctClock(runtime))) attempt = await runWithProof(runtime, account, key, run)
  const found = await account.getSession()
  if (found && isSameIdentity(found, before)) {
    await commit(runtime, before, found, () => true)
    return 'upgraded'
  }
  if (attempt.failure) throw attempt.failure
  if (!found) throw runtime.core.fail('SESSION_MISSING')
  // A session that `run` did not make was there before: it could be anybody's.
  if (!attempt.sent) throw runtime.core.fail('PROOF_NOT_SENT')
  // Asked again where it counts: the app may have written something while the person signed in.
  if ((await holdsNothing(runtime, before)) && (await commit(runtime, before, found, (entry) => !isMarked(entry)))) return 'switched'
  await runtime.write((ring) => withSignOut(ring, found.accountId, runtime.now()))
  await deliverOutbox(runtime).catch(() => {})
  throw runtime.core.fail('CONFLICT')
}

/** Anything thrown, as an error with a code. */
function toError({ core }: Runtime, thrown: unknown): LatchkeyError {
  return core.isLatchkeyError(thrown) ? thrown : core.fail('PROVIDER_REFUSED', undefined, thrown)
}

function isOnTime(failure: LatchkeyError | null): boolean {
  return failure?.code === 'TOKEN_EXPIRED' || failure?.code === 'TOKEN_NOT_YET_VALID'
}

/** Another tab may have finished an act while this one waited for its turn. */
async function readUnchanged(runtime: Runtime): Promise<Entry | undefined> {
  const { current } = runtime.ring()
  await runtime.read()
  if (runtime.ring().current !== current) throw runtime.core.fail('IDENTITY_CHANGED')
  return runtime.core.currentEntry(runtime.ring())
}

interface Attempt {
  readonly failure: LatchkeyError | null
  readonly sent: boolean
}

/** Runs the sign-up, and reads every way in which providers report a failure. */
async function runWithProof(runtime: Runtime, account: AccountProvider, key: DeviceKey | null, run: () => unknown): Promise<Attempt> {
  const mint = key && (() => mintProof(runtime.core.signJws, key, { audience: account.audience, now: runtime.now() / 1000, purpose: 'upgrade' }))
  try {
    const { result, sent } = await account.withProof(mint, run)
    return { failure: account.readFailure(result), sent }
  } catch (thrown) {
    return { failure: account.readFailure(thrown) ?? toError(runtime, thrown), sent: true }
  }
}

/** The account has the principal that is in force here: also when only the first answer was lost. */
function isSameIdentity(found: AccountSession, before: Entry | undefined): boolean {
  return before !== undefined && [found.principal, ...found.aliases].includes(before.principal)
}

async function holdsNothing({ options }: Runtime, entry: Entry | undefined): Promise<boolean> {
  if (isMarked(entry)) return false
  if (!entry || !options.describeLocal) return true
  const { items } = await withPatience(options.describeLocal, entry.principal)
  return items === 0
}

/** The record itself says that it holds something. */
function isMarked(entry: Entry | undefined): boolean {
  return entry !== undefined && (entry.kind === 'account' || entry.wrote || entry.derived || entry.origin === 'imported')
}

/** An app that throws or takes too long may well hold something. */
async function withPatience(describe: (principal: string) => LocalHoldings | Promise<LocalHoldings>, principal: string): Promise<LocalHoldings> {
  const unknown: LocalHoldings = { items: Number.NaN }
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<LocalHoldings>((resolve) => (timer = setTimeout(resolve, PATIENCE, unknown)))
  try {
    return await Promise.race([describe(principal), patience])
  } catch {
    return unknown
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Puts the account in force, unless another tab changed the identity since the start of the upgrade.
 *
 * @param mayLeave - whether the identity in force at that moment may give way
 */
async function commit(runtime: Runtime, before: Entry | undefined, found: AccountSession, mayLeave: (entry: Entry | undefined) => boolean): Promise<boolean> {
  const account = accountEntry(found, runtime.now())
  const current = `account:${account.accountId}`
  const isKnown = (entry: Entry): entry is AccountEntry => entry.kind === 'account' && entry.accountId === account.accountId
  let isDone = true
  const write = runtime.write((ring) => {
    const entry = runtime.core.currentEntry(ring)
    if (entry?.principal !== before?.principal) throw runtime.core.fail('IDENTITY_CHANGED')
    isDone = mayLeave(entry)
    if (!isDone) return ring
    const claims = ring.entries.find(isKnown)?.claims ?? {}
    const others = ring.entries.filter((other) => !isKnown(other))
    return { ...ring, current, intent: null, entries: [...others, { ...account, claims }] }
  })
  await write.catch(async (error: unknown) => {
    await runtime.read().catch(() => {})
    // Only the answer of the store was lost.
    if (runtime.ring().current !== current) throw error
  })
  return isDone
}
