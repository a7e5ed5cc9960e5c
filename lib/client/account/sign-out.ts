import { LatchkeyError } from '../../errors.ts'
import {
  currentAccount,
  deviceOf,
  replaceEntry,
  withAliases,
  withSignOut,
  withSignOutOfAll,
  withoutEntry,
  withoutKeys,
} from '../../keystore/entries.ts'
import { EMPTY_KEYRING, currentEntry } from '../../keystore/keyring.ts'
import type { Entry, Keyring, OutboxItem } from '../../keystore/record.ts'
import type { AuthOptions, SignOutOptions } from '../auth.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
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
  const { session, upgrade } = context.getState()
  const shown = shownId(context)
  context.dispatch({ type: 'signOutStarted' })
  try {
    if (!force) await checkUnsynced(context)
    const aliases = forget || isEnded ? undefined : await freshAliases(context)
    await leave(context, (keyring) => {
      const known = currentEntry(keyring)
      // Another tab may have changed the identity: only the one that this tab showed is left, or deleted.
      if (known && (keyring.current !== shown || !isMeant(known))) throw new LatchkeyError('IDENTITY_CHANGED')
      const entry = aliases && known?.kind === 'account' ? withAliases(known, aliases) : known
      // The next user must not be offered an account that waits for this one.
      const waiting = upgrade?.account && waitingSession(context, upgrade.account)
      const hasServer = context.options.account !== undefined
      const principals = session?.principals ?? []
      const left = { entry, principals, waiting, hasServer, forget, isEnded, now: deviceTime(context) }
      return signedOut(replaceEntry(keyring, known, entry!), left)
    })
  } catch (error) {
    context.dispatch({ type: 'signOutVetoed' })
    throw error
  }
  context.dispatch({ type: 'signedOut', view: context.view() })
}

/** How long a sign-out waits for the account's aliases. */
const ALIASES_TIMEOUT_MS = 3_000

/**
 * Asks for the current aliases of an account if a sign-out would delete the key of one: another device may have
 * unlinked it since, and then no account restores its data. Without an answer, the aliases of before count.
 */
async function freshAliases(context: Context): Promise<readonly string[] | undefined> {
  const [account, entry] = [accountOf(context), currentAccount(context.keyring())]
  if (!account || !entry?.aliases.some((alias) => deviceOf(context.keyring(), alias))) return undefined
  const asked = account.getSession({ peek: true })
  const found = await withTimeout(asked, ALIASES_TIMEOUT_MS, () => null).catch(() => null)
  return found?.principal === entry.principal ? found.aliases : undefined
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
  /** Those that this tab showed. */
  readonly principals: readonly string[]
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

function signedOut(keyring: Keyring, given: Left): Keyring {
  const { entry, principals, waiting, hasServer, forget, isEnded, now } = given
  const { conflict, sessionId } = keyring.intent ?? {}
  // Another tab may have signed out already, and set the keys aside.
  const rest = forget && !entry ? withoutKeys(keyring, principals) : withoutEntry(keyring, entry, forget)
  const left: Keyring = { ...rest, current: null, intent: null }
  if (isEnded) return left
  const accounts = [
    entry?.kind === 'account' ? entry : undefined,
    conflict && { ...conflict.account, sessionId },
    waiting && { ...waiting, sessionId: waiting.id },
  ]
  const ended = accounts.reduce<Keyring>((told, account) => (account ? withSignOut(told, account, now) : told), left)
  return hasServer ? withSignOutOfAll(ended, now) : ended
}
