import type { Entry } from '../../keystore/record.ts'
import type { WaitingAccount } from '../../machine/state.ts'
import type { AccountProvider, AccountSession } from '../shared/account-provider.ts'
import { holdsNothing } from '../shared/local-data.ts'
import { exclusively } from '../shared/lock.ts'
import { deliverOutbox } from './outbox.ts'
import { conclude } from './resolve-conflict.ts'
import type { Runtime } from '../shared/context.ts'
import { type Taken, completeUpgrade, isSameIdentity, takeAccount, takeAsItIs } from './apply.ts'

/**
 * Looks for a session that appeared outside `upgrade`: a redirect came back, a link was followed, somebody was signed in
 * before Latchkey was installed. One that could be anybody's waits for the person's word.
 *
 * @param isFirst - the device had no keyring before this start, and this is the first look: the day Latchkey is
 *   installed somebody may be signed in already
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function lookOutside(runtime: Runtime, isFirst: boolean): Promise<void> {
  const { account } = runtime.options
  if (!account || !isWaiting(runtime)) return
  const taken = await exclusively(runtime, () => consider(runtime, account, isFirst))
  if (taken) await conclude(runtime, taken)
}

/** Nobody is signed in here, and nobody is just signing in or out. */
function isWaiting({ getState }: Runtime): boolean {
  const { phase, authMode } = getState()
  return authMode !== 'external' && (phase === 'ready' || phase === 'pending')
}

async function consider(runtime: Runtime, account: AccountProvider, isFirst: boolean): Promise<Taken | null> {
  await runtime.read()
  // An act of this tab goes on without the lock as long as it waits for it.
  if (!isWaiting(runtime)) return null
  // A session that is to be ended is nobody's to take.
  await deliverOutbox(runtime)
  const found = await account.getSession({ peek: true })
  const taken =
    found && (await considerSession(runtime, account, runtime.core.currentEntry(runtime.ring()), found, isFirst))
  // An act of this tab that began meanwhile ends by itself: nothing said here may end it.
  if (!taken && isWaiting(runtime)) showWaiting(runtime, found)
  return taken
}

/** Takes a session that is meant for this identity; null for any other one. */
export async function considerSession(
  runtime: Runtime,
  account: AccountProvider,
  before: Entry | undefined,
  found: AccountSession,
  isFirst: boolean,
): Promise<Taken | null> {
  if (before?.kind === 'account') return null
  if (isSameIdentity(found, before)) return completeUpgrade(runtime, before, found)
  if (isAskedFor(runtime, found)) return takeAccount(runtime, account, before, found)
  if (isFirst && (await holdsNothing(runtime, before))) return takeAsItIs(runtime, account, before)
  return null
}

/** The person typed an identifier that this account has proven. */
function isAskedFor(runtime: Runtime, { identifiers = [] }: AccountSession): boolean {
  const expected = runtime.core.liveIntent(runtime.ring(), runtime.now())?.expected?.trim().toLowerCase()
  return expected !== undefined && identifiers.some((identifier) => identifier.toLowerCase() === expected)
}

/** Shows a session that waits for the person's word, or that there is none. */
export function showWaiting(runtime: Runtime, found: AccountSession | null): void {
  const { authMode, upgrade } = runtime.getState()
  const { failure } = upgrade ?? {}
  const account: WaitingAccount | null =
    found && authMode !== 'external'
      ? { accountId: found.accountId, principal: found.principal, identifiers: found.identifiers ?? [] }
      : null
  runtime.dispatch({
    type: 'upgradePended',
    upgrade: { ...runtime.waiting(), ...(account && { account }), ...(failure && { failure }) },
  })
}
