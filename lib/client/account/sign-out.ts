import type { AccountEntry, DeviceEntry, Entry, Keyring } from '../../keystore/record.ts'
import { withSignOut } from './outbox.ts'
import type { Runtime } from '../shared/context.ts'

/** Options of `signOut`. */
export interface SignOutOptions {
  /** Also deletes a device identity that never had an account. What only it can reach is lost for ever. */
  readonly forget?: boolean
  /** Signs out although something is not synced yet. */
  readonly force?: boolean
}

/**
 * Ends the session here at once, offline too; the account server hears of it when it can be reached.
 *
 * @throws {LatchkeyError} `UNSYNCED_DATA`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
 */
export async function signOut(runtime: Runtime, { forget = false, force = false }: SignOutOptions = {}): Promise<void> {
  if (!runtime.dispatch({ type: 'signOutStarted' })) throw runtime.core.fail('UPGRADE_IN_PROGRESS')
  try {
    if (!force) await checkUnsynced(runtime)
    await leave(runtime, forget)
  } catch (error) {
    runtime.dispatch({ type: 'signOutVetoed' })
    throw error
  }
  runtime.dispatch({ type: 'signedOut', view: runtime.view() })
}

async function checkUnsynced({ options, core }: Runtime): Promise<void> {
  const { unsynced } = (await options.beforeSignOut?.()) ?? { unsynced: 0 }
  if (unsynced > 0)
    throw core.fail('UNSYNCED_DATA', `${unsynced} not synced; pass { force: true } to sign out all the same`)
}

async function leave(runtime: Runtime, forget: boolean): Promise<void> {
  const { currentEntry } = runtime.core
  try {
    await runtime.write((ring) => signedOut(ring, currentEntry(ring), runtime.now(), forget))
  } catch (error) {
    const isRead = await runtime.read().then(
      () => true,
      () => false,
    )
    // Unless only the answer of the store was lost: what cannot be read may still be in force there.
    if (!isRead || currentEntry(runtime.ring())) throw error
  }
}

function signedOut(ring: Keyring, entry: Entry | undefined, now: number, forget: boolean): Keyring {
  const gone = new Set<Entry>()
  if (entry?.kind === 'account') for (const left of leftBehind(ring, entry)) gone.add(left)
  else if (entry && forget) gone.add(entry)
  const left: Keyring = {
    ...ring,
    current: null,
    intent: null,
    entries: ring.entries.filter((other) => !gone.has(other)),
  }
  const accountId = entry?.kind === 'account' ? entry.accountId : ring.intent?.conflict?.account.accountId
  return accountId === undefined ? left : withSignOut(left, accountId, now)
}

/** The account, and its device key if the account alone brings everything back; otherwise the key is set aside. */
function leftBehind(ring: Keyring, account: AccountEntry): Entry[] {
  const isCovered = ({ derived, backedUpAt }: DeviceEntry): boolean =>
    account.recoverable && (!derived || backedUpAt !== null)
  return ring.entries.filter(
    (other) =>
      other === account ||
      (other.kind === 'device' &&
        [account.principal, ...account.aliases].includes(other.principal) &&
        isCovered(other)),
  )
}
