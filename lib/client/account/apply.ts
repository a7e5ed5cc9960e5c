import { LatchkeyError, type LatchkeyErrorCode, isLatchkeyError } from '../../errors.ts'
import type { DeviceKey } from '../../identity/device-key.ts'
import { deviceOf, putEntry, withoutEntry } from '../../keystore/entries.ts'
import { currentEntry, EMPTY_KEYRING, entryId, liveIntent } from '../../keystore/keyring.ts'
import { randomId } from '../../keystore/random-id.ts'
import type { AccountEntry, DeviceEntry, Entry, Keyring } from '../../keystore/record.ts'
import { currentKey, openEntry } from '../device/identity.ts'
import type { AccountProvider, AccountSession, ExpectedAccount } from '../shared/account-provider.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'
import { holdsNothing, isMarked } from '../shared/local-data.ts'
import { proofFor } from '../shared/proof.ts'
import { inServerTime } from '../tokens/clock-skew.ts'
import { accountEntry } from './account-entry.ts'
import { type Facts, decide, isSameIdentity } from './decide.ts'

/** How a session was settled: the account is current, both identities are kept, or the session waits for the user. */
export type Settled = 'upgraded' | 'switched' | 'conflict' | 'shown'

/**
 * Decides about a session and performs the next step, until no step is left.
 *
 * @throws {LatchkeyError} `IDENTITY_CHANGED`; `CONFLICT`: another account is current; `SESSION_MISSING`; errors of the
 *   account server
 */
export async function settle(context: Context, account: AccountProvider, facts: Facts): Promise<Settled> {
  const next = await step(context, account, facts)
  return typeof next === 'string' ? next : settle(context, account, { ...facts, ...next })
}

/**
 * Performs one step.
 *
 * @returns how the session was settled, or new facts
 */
async function step(context: Context, account: AccountProvider, facts: Facts): Promise<Settled | Partial<Facts>> {
  switch (decide(facts)) {
    case 'show':
      return 'shown'
    case 'complete':
      await commit(context, facts, () => true)
      return isSameIdentity(facts.found, facts.before) ? 'upgraded' : 'switched'
    case 'switch':
      return replaceIdentity(context, facts)
    case 'hold':
      return hold(context, facts)
    case 'bind':
      return bind(context, account, facts)
    case 'fix':
      return fix(account, facts)
    case 'link':
      return link(context, account, facts)
    case 'relink':
      return relink(context, account, facts)
    case 'describe':
      return { isEmpty: await holdsNothing(context, facts.before) }
  }
}

/** Reads the session without `peek`, which fixes the account's principal. The app may have written data meanwhile. */
async function fix(account: AccountProvider, facts: Facts): Promise<Partial<Facts>> {
  const found = await account.getSession()
  if (!found) throw new LatchkeyError('SESSION_MISSING')
  return { found: checkSame(found, facts), isFixed: true, isEmpty: undefined }
}

/** Consent to one account does not cover another one that signed in meanwhile. */
function checkSame(found: AccountSession, { found: { accountId } }: Facts): AccountSession {
  if (found.accountId !== accountId) throw new LatchkeyError('IDENTITY_CHANGED', 'another account is signed in by now')
  return found
}

/**
 * Returns the key of the identity that is decided about; null if it is none of this device. Another tab may have made
 * another one current meanwhile, possibly of another user.
 *
 * @throws {LatchkeyError} `IDENTITY_CHANGED`
 */
async function keyOf(context: Context, before: Entry | undefined): Promise<DeviceKey | null> {
  const key = await currentKey(context)
  if (before?.kind === 'device' && key?.principal !== before.principal) throw new LatchkeyError('IDENTITY_CHANGED')
  return key
}

async function bind(context: Context, account: AccountProvider, facts: Facts): Promise<Partial<Facts>> {
  const key = await keyOf(context, facts.before)
  if (!key || !account.bind) return fix(account, facts)
  const prove = (nonce: string): Promise<string> => proofFor(context, key, account, { purpose: 'bind', nonce })
  const expected = expectedOf(context, facts)
  try {
    const found = await inServerTime(context, () => account.bind!(prove, expected))
    return { found: checkSame(found, facts), isFixed: true }
  } catch (error) {
    if (!isLatchkeyError(error) || !REFUSALS.includes(error.code)) throw error
    return { ...(await fix(account, facts)), isTaken: error.code === 'PRINCIPAL_TAKEN' }
  }
}

/** Codes that leave open whether the account server performed the request, or would perform it. */
export const NO_ANSWER: readonly LatchkeyErrorCode[] = [
  'OFFLINE',
  'PROVIDER_LIMITED',
  'PROVIDER_FAILED',
  'UPGRADE_IN_PROGRESS',
  'CRYPTO_UNAVAILABLE',
]

/** The session may be of another account by the time the request arrives. */
function expectedOf(context: Context, { found: { accountId }, consent }: Facts): ExpectedAccount {
  const typed = consent === 'expected' ? liveIntent(context.keyring(), deviceTime(context))?.expected : null
  return { accountId, identifier: typed ?? null }
}

/** The account keeps its own principal. */
const REFUSALS: readonly LatchkeyErrorCode[] = ['PRINCIPAL_TAKEN', 'PRINCIPAL_FIXED', 'ACCOUNT_HANDED_OVER']

async function link(
  context: Context,
  account: AccountProvider,
  { before, found: { principal: linkTo }, isTaken }: Facts,
): Promise<Partial<Facts>> {
  if (isTaken) throw new LatchkeyError('PRINCIPAL_TAKEN')
  const key = await keyOf(context, before)
  if (!account.link || !key) throw new LatchkeyError('PROVIDER_REFUSED', 'the account provider cannot link')
  const found = await linkBy(context, account, key, linkTo)
  if (!isSameIdentity(found, before))
    throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the account server did not record the alias')
  return { found }
}

/** Adds the principal of a key to the account as an alias. */
async function linkBy(
  context: Context,
  account: AccountProvider,
  key: DeviceKey,
  linkTo: string,
): Promise<AccountSession> {
  const prove = (nonce: string): Promise<string> => proofFor(context, key, account, { purpose: 'link', nonce, linkTo })
  return inServerTime(context, () => account.link!(prove))
}

/**
 * Links the principals that the current account had before it was reset and whose keys are on this device, so that
 * their rows stay reachable. If the account server refuses one, the user has to sign in again: a new session may be
 * allowed to, and links none that is refused then.
 */
async function relink(context: Context, account: AccountProvider, facts: Facts): Promise<'shown' | Partial<Facts>> {
  const { before, found } = facts
  const had = before?.kind === 'account' ? [before.principal, ...before.aliases] : []
  let learned: Partial<Facts> = { isRelinkTried: true }
  for (const principal of had) {
    const entry = deviceOf(context.keyring(), principal)
    if (!entry || !account.link || [found.principal, ...found.aliases].includes(principal)) continue
    const linked = await linkAgain(context, account, facts, entry)
    // Completed without it, the account would not be known to have had it.
    if (!linked && facts.consent === 'none') return 'shown'
    learned = { ...learned, ...linked }
  }
  return learned
}

/** @returns null if it is refused */
async function linkAgain(
  context: Context,
  account: AccountProvider,
  facts: Facts,
  entry: DeviceEntry,
): Promise<Partial<Facts> | null> {
  try {
    const key = await openEntry(entry, context.options)
    const found = await linkBy(context, account, key, facts.found.principal)
    return { found: checkSame(found, facts) }
  } catch (error) {
    if (!isLatchkeyError(error) || NO_ANSWER.includes(error.code)) throw error
    return null
  }
}

async function replaceIdentity(context: Context, facts: Facts): Promise<'switched' | Partial<Facts>> {
  // Checked again inside the transaction: the app may have written data since it was described.
  const isDone = await commit(context, facts, (entry) => facts.decision !== undefined || !isMarked(entry))
  return isDone ? 'switched' : { isEmpty: false }
}

/**
 * Keeps both: the current identity stays, and the account's session stays on the account server. The principal of a
 * current account is taken: it cannot become an alias of another one.
 */
async function hold(
  context: Context,
  { before, found, isTaken = before?.kind === 'account' }: Facts,
): Promise<'conflict'> {
  const { id: sessionId, accountId, principal, identifiers = [] } = found
  if (!before) throw new LatchkeyError('CONFLICT')
  await context.write((keyring) => {
    checkUnchanged(keyring, before)
    const now = deviceTime(context)
    const conflict = { account: { accountId, principal, identifiers }, isTaken }
    const at = { startedAt: now, expiresAt: now, ...(sessionId !== undefined && { sessionId }) }
    return (
      keyring && {
        ...keyring,
        intent: { id: randomId(), principal: before.principal, expected: null, ...at, conflict },
      }
    )
  })
  return 'conflict'
}

/** @throws {LatchkeyError} `IDENTITY_CHANGED`: another identity is current than the one that is decided about */
export function checkUnchanged(keyring: Keyring | null, before: Entry | undefined): void {
  if (currentEntry(keyring)?.principal !== before?.principal) throw new LatchkeyError('IDENTITY_CHANGED')
}

/**
 * Makes the account current, unless another tab changed the identity since.
 *
 * @param mayLeave - returns true if the identity that is current inside the transaction may be replaced
 * @returns false if it may not
 */
async function commit(
  context: Context,
  { before, found, decision }: Facts,
  mayLeave: (entry: Entry | undefined) => boolean,
): Promise<boolean> {
  const verifiedAt = context.now()
  const current = entryId(accountEntry(found, verifiedAt))
  let isDone = true
  const write = context.write((stored) => {
    const entry = currentEntry(stored)
    checkUnchanged(stored, before)
    isDone = mayLeave(entry)
    if (!isDone) return stored
    const keyring = stored ?? EMPTY_KEYRING
    const known = keyring.entries.find((other): other is AccountEntry => entryId(other) === current)
    const account = accountEntry(found, verifiedAt, keyring.intent?.expected ?? known?.expected)
    // The current account itself, after its reset, replaces nothing: its keys still own rows.
    const isReplaced = entry !== undefined && entryId(entry) !== current && !isSameIdentity(found, entry)
    const kept = isReplaced ? withoutEntry(keyring, entry, decision === 'discard') : keyring
    return { ...putEntry(kept, { ...account, claims: known?.claims ?? {} }), current, intent: null }
  })
  await write.catch(async (error: unknown) => {
    await context.read().catch(() => {})
    // The write succeeded if only the store's response was lost. The account may have been current before.
    const stored = currentEntry(context.keyring())
    const isStored = stored && entryId(stored) === current && stored.principal === found.principal
    if (!isStored) throw error
  })
  return isDone
}
