import { LatchkeyError } from '../../errors.ts'
import { withSignOut, withSignOutOfAll, withoutEntry } from '../../keystore/entries.ts'
import { EMPTY_KEYRING, currentEntry } from '../../keystore/keyring.ts'
import type { Entry, Keyring, OutboxItem } from '../../keystore/record.ts'
import type { AuthOptions, SignOutOptions } from '../auth.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { withTimeout } from '../../timeout.ts'
import { deviceTime } from '../shared/device-time.ts'
import { shownId } from '../shared/shown.ts'
import { waitingSession } from './session-check.ts'

/**
 * Ends the session on this device immediately, also offline. The account server is informed as soon as it is reachable.
 *
 * @throws {LatchkeyError} `UNSYNCED_DATA`, `IDENTITY_CHANGED`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
 */
export async function signOut(context: Context, options: SignOutOptions = {}): Promise<void> {
  checkGiven(options, { forget: 'boolean', force: 'boolean' })
  await signOutOf(context, options, () => true)
}

/**
 * Signs out only of the identity that the caller means.
 *
 * @param isMeant - called inside the transaction with the identity that is current then
 * @param isEnded - true if the account server has said that there is no session. One that began since must stay
 * @throws {LatchkeyError} as {@link signOut}
 */
export async function signOutOf(
  context: Context,
  { forget = false, force = false }: SignOutOptions,
  isMeant: (entry: Entry) => boolean,
  isEnded = false,
): Promise<void> {
  checkIdle(context)
  const { upgrade } = context.getState()
  const shown = shownId(context)
  context.dispatch({ type: 'signOutStarted' })
  try {
    if (!force) await checkUnsynced(context)
    await leave(context, (keyring) => {
      const entry = currentEntry(keyring)
      // Another tab may have changed the identity: only the one that this tab showed is left, or deleted.
      if (entry && (keyring.current !== shown || !isMeant(entry))) throw new LatchkeyError('IDENTITY_CHANGED')
      // The next user must not be offered an account that waits for this one.
      const waiting = upgrade?.account && waitingSession(context, upgrade.account)
      const hasServer = context.options.account !== undefined
      return signedOut(keyring, { entry, waiting, hasServer, forget, isEnded, now: deviceTime(context) })
    })
  } catch (error) {
    context.dispatch({ type: 'signOutVetoed' })
    throw error
  }
  context.dispatch({ type: 'signedOut', view: context.view() })
}

/** How long `beforeSignOut` may take. It may wait for a last upload. */
const UNSYNCED_TIMEOUT_MS = 30_000

async function checkUnsynced({ options }: Context): Promise<void> {
  const answer = await withTimeout(askUnsynced(options), UNSYNCED_TIMEOUT_MS, () => {
    throw new LatchkeyError('UNSYNCED_DATA', 'beforeSignOut did not end; pass { force: true } to sign out all the same')
  })
  const { unsynced } = answer ?? { unsynced: 0 }
  // An answer that makes no sense does not mean that everything is synced.
  if (!Number.isFinite(unsynced))
    throw new LatchkeyError('UNSYNCED_DATA', 'beforeSignOut: expected { unsynced }, a number')
  if (unsynced > 0)
    throw new LatchkeyError('UNSYNCED_DATA', `${unsynced} not synced; pass { force: true } to sign out all the same`)
}

/** An app that fails has not said that everything is synced. */
async function askUnsynced({ beforeSignOut }: AuthOptions): Promise<{ readonly unsynced: number } | undefined> {
  try {
    return await beforeSignOut?.()
  } catch (cause) {
    const detail = 'beforeSignOut failed; pass { force: true } to sign out all the same'
    throw new LatchkeyError('UNSYNCED_DATA', detail, cause)
  }
}

async function leave(context: Context, change: (keyring: Keyring) => Keyring): Promise<void> {
  let told: readonly OutboxItem[] | undefined
  try {
    await context.write((found) => {
      const before = found ?? EMPTY_KEYRING
      const left = change(before)
      told = left.outbox.filter(({ id }) => !before.outbox.some((item) => item.id === id))
      return left
    })
  } catch (error) {
    const found = await context.read().catch(() => null)
    // The write succeeded if only the store's response was lost: then the record has what the write added to it.
    const isTold = told?.every(({ id }) => found?.outbox.some((item) => item.id === id))
    if (!found || !isTold || currentEntry(found)) throw error
  }
}

interface Left {
  readonly entry: Entry | undefined
  /** The session of an account that waits for confirmation. */
  readonly waiting: Pick<AccountSession, 'accountId' | 'id'> | undefined
  /** True if there may be a session that this page was not told of. */
  readonly hasServer: boolean
  readonly forget: boolean
  /** True if no session is left to end. */
  readonly isEnded: boolean
  /** By the device's own clock. */
  readonly now: number
}

function signedOut(keyring: Keyring, { entry, waiting, hasServer, forget, isEnded, now }: Left): Keyring {
  const { conflict, sessionId } = keyring.intent ?? {}
  const left: Keyring = { ...withoutEntry(keyring, entry, forget), current: null, intent: null }
  if (isEnded) return left
  const accounts = [
    entry?.kind === 'account' ? entry : undefined,
    conflict && { ...conflict.account, sessionId },
    waiting && { ...waiting, sessionId: waiting.id },
  ]
  const ended = accounts.reduce<Keyring>((told, account) => (account ? withSignOut(told, account, now) : told), left)
  return hasServer ? withSignOutOfAll(ended, now) : ended
}
