import { LatchkeyError } from '../../errors.ts'
import { withSignOut, withoutEntry } from '../../keystore/entries.ts'
import { EMPTY_KEYRING, currentEntry } from '../../keystore/keyring.ts'
import type { Entry, Keyring } from '../../keystore/record.ts'
import type { SignOutOptions } from '../auth.ts'
import { checkIdle } from '../device/ensure-identity.ts'
import type { Context } from '../shared/context.ts'
import { withTimeout } from '../../timeout.ts'
import { deviceTime } from './outbox.ts'

/**
 * Ends the session on this device immediately, also offline. The account server is informed as soon as it is reachable.
 *
 * @throws {LatchkeyError} `UNSYNCED_DATA`, `IDENTITY_CHANGED`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
 */
export async function signOut(context: Context, { forget = false, force = false }: SignOutOptions = {}): Promise<void> {
  checkIdle(context)
  const shown = context.keyring()?.current ?? null
  context.dispatch({ type: 'signOutStarted' })
  try {
    if (!force) await checkUnsynced(context)
    await leave(context, shown, forget)
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
  const answer = await withTimeout(Promise.resolve(beforeSignOut()), UNSYNCED_TIMEOUT_MS, () => {
    throw new LatchkeyError('UNSYNCED_DATA', 'beforeSignOut did not end; pass { force: true } to sign out all the same')
  })
  const { unsynced } = answer ?? { unsynced: 0 }
  // An answer that makes no sense does not mean that everything is synced.
  if (!Number.isFinite(unsynced))
    throw new LatchkeyError('UNSYNCED_DATA', 'beforeSignOut: expected { unsynced }, a number')
  if (unsynced > 0)
    throw new LatchkeyError('UNSYNCED_DATA', `${unsynced} not synced; pass { force: true } to sign out all the same`)
}

async function leave(context: Context, shown: string | null, forget: boolean): Promise<void> {
  try {
    await context.write((found) => {
      const keyring = found ?? EMPTY_KEYRING
      // Another tab may have changed the identity: only the one that this tab showed is left, or deleted.
      if (keyring.current !== null && keyring.current !== shown) throw new LatchkeyError('IDENTITY_CHANGED')
      return signedOut(keyring, currentEntry(keyring), deviceTime(context), forget)
    })
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
  const { conflict, sessionId } = keyring.intent ?? {}
  const accounts = [entry?.kind === 'account' ? entry : undefined, conflict && { ...conflict.account, sessionId }]
  return accounts.reduce<Keyring>((ring, account) => (account ? withSignOut(ring, account, now) : ring), {
    ...withoutEntry(keyring, entry, forget),
    current: null,
    intent: null,
  })
}
