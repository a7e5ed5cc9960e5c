import type { LatchkeyError } from '../../errors.ts'
import type { Entry } from '../../keystore/record.ts'
import type { Conflict, PendingUpgrade, Session, WaitingAccount } from '../../machine/state.ts'
import type { Decision } from '../../machine/transition.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { accountInForce, withAliases } from './revalidate.ts'
import { describe } from '../shared/local-data.ts'
import { exclusively } from '../shared/lock.ts'
import type { ConflictPolicy, LocalHoldings } from '../options.ts'
import { proofFor } from '../shared/proof.ts'
import type { Runtime } from '../shared/context.ts'
import { type Taken, commit, completeUpgrade, confirmed, isSameIdentity } from './apply.ts'

/** What came of an upgrade. `error` says why it failed; the identity in force is then the one before. */
export type UpgradeResult =
  /** The account has this device's principal: the same identity, now with an account. */
  | { readonly outcome: 'upgraded'; readonly session: Session }
  /** The account has its own principal, and the device held nothing, or the person decided so. */
  | { readonly outcome: 'switched'; readonly session: Session }
  /** The account took this device's principal as an alias: it keeps its own, and the data of both are its. */
  | { readonly outcome: 'adopted'; readonly session: Session }
  /** The account has another principal, and the device holds something: both are kept until `resolveConflict`. */
  | { readonly outcome: 'conflict'; readonly conflict: Conflict }
  /** This device's principal belongs to another account. With `conflict` a session is there that `resolveConflict` can switch to. */
  | { readonly outcome: 'taken'; readonly error: LatchkeyError; readonly conflict?: Conflict }
  /**
   * A mail, a redirect, a code or a second factor is still to come, which is remembered over a reload; or an account
   * waits for the person's word. The same as in `getState().upgrade`.
   */
  | { readonly outcome: 'pending'; readonly pending?: PendingUpgrade; readonly account?: WaitingAccount }
  | { readonly outcome: 'failed'; readonly error: LatchkeyError }

/** Options of `resolveConflict`. */
export interface ResolveOptions {
  /** Required to discard: what only the device's identity can reach is lost for ever. */
  readonly force?: boolean
}

/** Both sides of a conflict, for the person who decides. */
export interface ConflictPreview extends Conflict {
  /** What `describeLocal` says of the device's identity; null where it says nothing. */
  readonly deviceHoldings: LocalHoldings | null
  /** What `describeAccount` says of the account; null where it says nothing. */
  readonly accountHoldings: LocalHoldings | null
}

const DECISIONS: readonly string[] = ['adopt', 'switch', 'discard'] satisfies Decision[]

/** Ends a conflict as the person decided. */
export async function resolveConflict(
  runtime: Runtime,
  decision: Decision,
  { force = false }: ResolveOptions = {},
): Promise<UpgradeResult> {
  const { account } = runtime.options
  if (!account) throw new TypeError('resolveConflict: createAuth needs the `account` option')
  if (!DECISIONS.includes(decision)) throw new TypeError('resolveConflict: expected adopt, switch or discard')
  if (decision === 'discard' && !force)
    throw new TypeError('resolveConflict: discard deletes the identity of this device; pass { force: true }')
  if (runtime.getState().phase !== 'conflict') throw runtime.core.fail('CONFLICT_MISSING')
  try {
    const outcome = await exclusively(runtime, () => decide(runtime, account, decision))
    runtime.dispatch({ type: 'conflictResolved', view: runtime.view(), decision })
    return { outcome, session: runtime.getState().session! }
  } catch (thrown) {
    const error = toError(runtime, thrown)
    runtime.dispatch({ type: 'upgradeFailed', failure: error.code })
    return { outcome: 'failed', error }
  }
}

async function decide(runtime: Runtime, account: AccountProvider, decision: Decision): Promise<'switched' | 'adopted'> {
  await runtime.read()
  const { conflict } = runtime.waiting()
  if (!conflict) throw runtime.core.fail('CONFLICT_MISSING')
  const before = runtime.core.currentEntry(runtime.ring())
  const found = await stillThere(runtime, account, conflict)
  // Only the answer of an earlier attempt was lost.
  if (isSameIdentity(found, before)) return (await completeUpgrade(runtime, before, found), 'adopted')
  if (decision === 'adopt') return adopt(runtime, account, conflict, before)
  await commit(runtime, before, found, () => true, decision === 'discard')
  return 'switched'
}

/** The session that the conflict is about. Without it there is nothing to decide any more. */
async function stillThere(runtime: Runtime, account: AccountProvider, conflict: Conflict): Promise<AccountSession> {
  const found = await account.getSession({ peek: true })
  if (found?.accountId === conflict.account.accountId) return confirmed(runtime, account)
  await runtime.write((ring) => ({ ...ring, intent: null }))
  await runtime.read()
  throw runtime.core.fail('SESSION_MISSING', 'sign in again')
}

async function adopt(
  runtime: Runtime,
  account: AccountProvider,
  conflict: Conflict,
  before: Entry | undefined,
): Promise<'adopted'> {
  const { core } = runtime
  if (conflict.isTaken) throw core.fail('PRINCIPAL_TAKEN')
  const key = await runtime.deviceKey()
  if (!account.link || !key) throw core.fail('PROVIDER_REFUSED', 'the account provider cannot link')
  const linkTo = conflict.account.principal
  const linked = await account.link((nonce) => proofFor(runtime, key, account, { purpose: 'link', nonce, linkTo }))
  if (!isSameIdentity(linked, before))
    throw core.fail('PRINCIPAL_MISMATCH', 'the account server did not record the alias')
  await completeUpgrade(runtime, before, linked)
  return 'adopted'
}

/** Takes an alias back from the account in force. */
export async function unlinkAlias(runtime: Runtime, alias: string): Promise<Session> {
  const { account } = runtime.options
  const { core } = runtime
  if (!account?.unlink) throw new TypeError('unlinkAlias: the account provider cannot unlink')
  const unlink = account.unlink.bind(account)
  await exclusively(runtime, async () => {
    await runtime.read()
    const entry = accountInForce(runtime, runtime.ring())
    if (!entry?.aliases.includes(alias)) throw core.fail('IDENTITY_UNKNOWN', 'no such alias of the account in force')
    const { aliases } = await unlink(alias)
    await runtime.write((ring) => ({
      ...ring,
      entries: ring.entries.map((other) =>
        other.kind === 'account' && other.accountId === entry.accountId ? withAliases(other, aliases) : other,
      ),
    }))
  })
  runtime.dispatch({ type: 'sessionConfirmed', view: runtime.view() })
  return runtime.getState().session!
}

/** Describes both sides of the conflict that waits. */
export async function previewConflict(runtime: Runtime): Promise<ConflictPreview> {
  await runtime.read()
  const { conflict } = runtime.waiting()
  if (!conflict) throw runtime.core.fail('CONFLICT_MISSING')
  const { describeLocal, describeAccount } = runtime.options
  const [deviceHoldings, accountHoldings] = await Promise.all([
    describe(() => describeLocal?.(conflict.principal)),
    describe(() => describeAccount?.(conflict.account)),
  ])
  return { ...conflict, deviceHoldings, accountHoldings }
}

/** Shows what came of an attempt, and lets the app's policy decide where it may. */
export async function conclude(runtime: Runtime, taken: Taken): Promise<UpgradeResult> {
  if (taken !== 'conflict') {
    runtime.dispatch({ type: 'upgradeCompleted', view: runtime.view() })
    return { outcome: taken, session: runtime.getState().session! }
  }
  const waiting = runtime.waiting()
  const conflict = waiting.conflict
  runtime.dispatch({ type: 'conflictFound', upgrade: waiting })
  if (!conflict) throw runtime.core.fail('IDENTITY_CHANGED')
  const decision = await policyOf(runtime)
  const isPossible = decision === 'switch' || (decision === 'adopt' && !conflict.isTaken)
  if (isPossible) return resolveConflict(runtime, decision)
  return conflict.isTaken
    ? { outcome: 'taken', error: runtime.core.fail('PRINCIPAL_TAKEN'), conflict }
    : { outcome: 'conflict', conflict }
}

async function policyOf(runtime: Runtime): Promise<ConflictPolicy> {
  const { onConflict = 'ask' } = runtime.options
  if (typeof onConflict !== 'function') return onConflict
  try {
    return await onConflict(await previewConflict(runtime))
  } catch (error) {
    // The app's own matter; nothing is decided then.
    runtime.core.guarded(() => {
      throw error
    })
    return 'ask'
  }
}

/** Anything thrown, as an error with a code. */
export function toError({ core }: Runtime, thrown: unknown): LatchkeyError {
  return core.isLatchkeyError(thrown) ? thrown : core.fail('PROVIDER_REFUSED', undefined, thrown)
}
