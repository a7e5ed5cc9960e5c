import { LatchkeyError } from '../../errors.ts'
import { withSignOut } from '../../keystore/entries.ts'
import { EMPTY_KEYRING, currentEntry } from '../../keystore/keyring.ts'
import type { AccountEntry, DeviceEntry, Entry, Keyring } from '../../keystore/record.ts'
import type { SignOutOptions } from '../auth.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import type { Context } from '../shared/context.ts'
import { TIMED_OUT, withTimeout } from '../../timeout.ts'

/**
 * Ends the session on this device immediately, also offline. The account server is informed as soon as it is reachable.
 *
 * @throws {LatchkeyError} `UNSYNCED_DATA`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
 */
export async function signOut(context: Context, { forget = false, force = false }: SignOutOptions = {}): Promise<void> {
  checkIdle(context)
  context.dispatch({ type: 'signOutStarted' })
  try {
    if (!force) await checkUnsynced(context)
    await leave(context, forget)
  } catch (error) {
    context.dispatch({ type: 'signOutVetoed' })
    throw error
  }
  context.dispatch({ type: 'signedOut', view: context.view() })
}

/** How long `beforeSignOut` may take. It may wait for a last upload. */
const UNSYNCED_TIMEOUT_MS = 30_000

async function checkUnsynced({ options }: Context): Promise<void> {
  const { beforeSignOut = () => undefined } = options
  const answer = await withTimeout(Promise.resolve(beforeSignOut()), UNSYNCED_TIMEOUT_MS)
  if (answer === TIMED_OUT)
    throw new LatchkeyError('UNSYNCED_DATA', 'beforeSignOut did not end; pass { force: true } to sign out all the same')
  const { unsynced } = answer ?? { unsynced: 0 }
  if (unsynced > 0)
    throw new LatchkeyError('UNSYNCED_DATA', `${unsynced} not synced; pass { force: true } to sign out all the same`)
}

async function leave(context: Context, forget: boolean): Promise<void> {
  try {
    await context.write((keyring) => signedOut(keyring ?? EMPTY_KEYRING, currentEntry(keyring), context.now(), forget))
  } catch (error) {
    const isRead = await context.read().then(
      () => true,
      () => false,
    )
    // The write succeeded if only the store's response was lost. If the record cannot be read, its identity may still
    // be current.
    if (!isRead || currentEntry(context.keyring())) throw error
  }
}

function signedOut(keyring: Keyring, entry: Entry | undefined, now: number, forget: boolean): Keyring {
  const gone = new Set<Entry>()
  if (entry?.kind === 'account') for (const left of leftBehind(keyring, entry)) gone.add(left)
  else if (entry && forget) gone.add(entry)
  const left: Keyring = {
    ...keyring,
    current: null,
    intent: null,
    entries: keyring.entries.filter((other) => !gone.has(other)),
  }
  const sessions: readonly (Pick<AccountEntry, 'accountId' | 'sessionId'> | undefined)[] = [
    entry?.kind === 'account' ? entry : undefined,
    keyring.intent?.conflict?.account,
  ]
  return sessions.reduce<Keyring>(
    (ring, session) => (session ? withSignOut(ring, { ...namesOf(session), createdAt: now }) : ring),
    left,
  )
}

function namesOf({
  accountId,
  sessionId,
}: Pick<AccountEntry, 'accountId' | 'sessionId'>): Pick<AccountEntry, 'accountId' | 'sessionId'> {
  return { accountId, ...(sessionId !== undefined && { sessionId }) }
}

/**
 * Returns the entries to remove: the account, and its device key if the account alone restores everything. Otherwise
 * the key is set aside.
 */
export function leftBehind(keyring: Keyring, account: AccountEntry): Entry[] {
  const isCovered = ({ derived, backedUpAt }: DeviceEntry): boolean =>
    account.recoverable && (!derived || backedUpAt !== null)
  return keyring.entries.filter(
    (other) =>
      other === account ||
      (other.kind === 'device' &&
        [account.principal, ...account.aliases].includes(other.principal) &&
        isCovered(other)),
  )
}
