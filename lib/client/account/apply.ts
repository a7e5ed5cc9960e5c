import type { LatchkeyErrorCode } from '../../errors.ts'
import type { AccountEntry, Entry, Keyring } from '../../keystore/record.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { accountEntry } from './revalidate.ts'
import { holdsNothing, isMarked } from '../shared/local-data.ts'
import { deliverOutbox, withSignOut } from './outbox.ts'
import { proofFor } from '../shared/proof.ts'
import type { Runtime } from '../shared/context.ts'

/** How an account came into force. */
export type Taken = 'upgraded' | 'switched' | 'conflict'

/** The account has the principal that is in force here: also when only the first answer was lost. */
export function isSameIdentity(found: AccountSession, before: Entry | undefined): boolean {
  return before !== undefined && [found.principal, ...found.aliases].includes(before.principal)
}

/**
 * Puts an account in force that the person chose: by signing in to it, or by their word. An account that nobody has
 * used yet takes this device's principal first. Where it has another principal and the device holds something, both are
 * kept for the person to decide.
 *
 * @throws {LatchkeyError} `IDENTITY_CHANGED`; `CONFLICT`: another account is in force
 */
export async function takeAccount(
  runtime: Runtime,
  account: AccountProvider,
  before: Entry | undefined,
  peeked: AccountSession,
): Promise<Taken> {
  try {
    return await take(runtime, before, peeked.open ? await settleOpen(runtime, account) : peeked)
  } catch (error) {
    if (!runtime.core.isLatchkeyError(error, 'PRINCIPAL_TAKEN')) throw error
    return hold(runtime, before, await confirmed(runtime, account), true)
  }
}

/** The same, without giving the account this device's principal: nobody asked for that. */
export async function takeAsItIs(
  runtime: Runtime,
  account: AccountProvider,
  before: Entry | undefined,
): Promise<Taken> {
  return take(runtime, before, await confirmed(runtime, account))
}

async function take(runtime: Runtime, before: Entry | undefined, found: AccountSession): Promise<Taken> {
  if (isSameIdentity(found, before)) return completeUpgrade(runtime, before, found)
  // Asked again where it counts: the app may have written something while the person signed in.
  if ((await holdsNothing(runtime, before)) && (await commit(runtime, before, found, (entry) => !isMarked(entry))))
    return 'switched'
  return hold(runtime, before, found, false)
}

/** Keeps both: the device's identity stays in force, the account's session stays at the account server. */
async function hold(
  runtime: Runtime,
  before: Entry | undefined,
  { accountId, principal, identifiers = [] }: AccountSession,
  isTaken: boolean,
): Promise<'conflict'> {
  if (before?.kind !== 'device') {
    await endSession(runtime, accountId)
    throw runtime.core.fail('CONFLICT', 'another account is in force: sign out first')
  }
  await runtime.write((ring) => {
    checkUnchanged(runtime, ring, before)
    const now = runtime.now()
    const conflict = { account: { accountId, principal, identifiers }, isTaken }
    return {
      ...ring,
      intent: {
        id: crypto.randomUUID(),
        principal: before.principal,
        expected: null,
        startedAt: now,
        expiresAt: now,
        conflict,
      },
    }
  })
  return 'conflict'
}

function checkUnchanged({ core }: Runtime, ring: Keyring, before: Entry | undefined): void {
  if (core.currentEntry(ring)?.principal !== before?.principal) throw core.fail('IDENTITY_CHANGED')
}

/** Binds the device's principal to an open account; without a device identity the account is taken as it is. */
async function settleOpen(runtime: Runtime, account: AccountProvider): Promise<AccountSession> {
  const key = await runtime.deviceKey()
  try {
    if (key && account.bind)
      return await account.bind((nonce) => proofFor(runtime, key, account, { purpose: 'bind', nonce }))
  } catch (error) {
    // It is the account's own word that it stays as it is; then that is what the person signed in to.
    if (!runtime.core.isLatchkeyError(error) || !STAYS.includes(error.code)) throw error
  }
  return confirmed(runtime, account)
}

/** The account in force, which is fixed from now on. */
export async function confirmed(runtime: Runtime, account: AccountProvider): Promise<AccountSession> {
  const found = await account.getSession()
  if (!found) throw runtime.core.fail('SESSION_MISSING')
  return found
}

const STAYS: readonly LatchkeyErrorCode[] = ['PRINCIPAL_FIXED', 'ACCOUNT_HANDED_OVER']

/** Ends a session at the account server, now or as soon as it can be reached, and what waited for it here. */
export async function endSession(runtime: Runtime, accountId: string): Promise<void> {
  await runtime.write((ring) => withSignOut({ ...ring, intent: null }, accountId, runtime.now()))
  await deliverOutbox(runtime).catch(() => {})
}

/** Puts an account in force that has the principal of this device. */
export async function completeUpgrade(
  runtime: Runtime,
  before: Entry | undefined,
  found: AccountSession,
): Promise<'upgraded'> {
  await commit(runtime, before, found, () => true)
  return 'upgraded'
}

/**
 * Puts the account in force, unless another tab changed the identity since.
 *
 * @param mayLeave - whether the identity in force at that moment may give way
 * @param discards - deletes it then
 * @returns false where it may not
 */
export async function commit(
  runtime: Runtime,
  before: Entry | undefined,
  found: AccountSession,
  mayLeave: (entry: Entry | undefined) => boolean,
  discards = false,
): Promise<boolean> {
  const account = accountEntry(found, runtime.now())
  const current = `account:${account.accountId}`
  const isKnown = (entry: Entry): entry is AccountEntry =>
    entry.kind === 'account' && entry.accountId === account.accountId
  let isDone = true
  const write = runtime.write((ring) => {
    const entry = runtime.core.currentEntry(ring)
    checkUnchanged(runtime, ring, before)
    isDone = mayLeave(entry)
    if (!isDone) return ring
    const claims = ring.entries.find(isKnown)?.claims ?? {}
    const others = ring.entries.filter((other) => !isKnown(other) && !(discards && other === entry))
    return { ...ring, current, intent: null, entries: [...others, { ...account, claims }] }
  })
  await write.catch(async (error: unknown) => {
    await runtime.read().catch(() => {})
    // Only the answer of the store was lost.
    if (runtime.ring().current !== current) throw error
  })
  return isDone
}
