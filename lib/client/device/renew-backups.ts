import { isLatchkeyError } from '../../errors.ts'
import { backupsOf, isDue, withStored } from '../../keystore/backups.ts'
import { currentPrincipals, deviceOf, replaceEntry } from '../../keystore/entries.ts'
import type { DeviceEntry, StoredBackup } from '../../keystore/record.ts'
import { backupDigest } from '../../tokens/backup-digest.ts'
import { mintProof } from '../../tokens/prove.ts'
import { inTime, whileAsked } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'
import type { RenewableBackups } from '../shared/renewable-backups.ts'
import { timeOf } from '../shared/server-time.ts'
import { openEntry } from './identity.ts'

/** The one method that is needed is there. */
type Renewer = RenewableBackups & Required<Pick<RenewableBackups, 'renew'>>

/**
 * Returns a function that asks the backup store to keep the current identity's backups for longer, if that is due. A
 * store that cannot be reached is asked again by the next call: half of the time is left for that.
 *
 * @param announce - called after the record has changed
 */
export function createRenewal(context: Context, announce: () => void): () => void {
  const { backups: own, account } = context.options
  const store = own ?? account?.backups
  let running: Promise<void> | undefined
  return () => {
    if (store?.renew) running ??= renewDue(context, store as Renewer, announce).finally(() => (running = undefined))
  }
}

async function renewDue(context: Context, store: Renewer, announce: () => void): Promise<void> {
  for (const [entry, stored] of dueOf(context)) {
    const keptFor = await renew(context, store, entry, stored).catch((error: unknown) => readRefusal(error, stored))
    if (keptFor !== 'unsaid') await note(context, entry, stored, keptFor).then(announce, () => {})
  }
}

/** Not of identities that were set aside: the server would learn that they share a device. */
function dueOf(context: Context): readonly (readonly [DeviceEntry, StoredBackup])[] {
  const keyring = context.keyring()
  const now = deviceTime(context)
  return currentPrincipals(keyring).flatMap((principal) => {
    const entry = deviceOf(keyring, principal)
    const stored = entry ? backupsOf(entry).flatMap((backup) => backup.stored ?? []) : []
    return stored.filter((backup) => isDue(backup, now)).map((backup) => [entry!, backup] as const)
  })
}

async function renew(
  context: Context,
  store: Renewer,
  entry: DeviceEntry,
  { hash, audience: itsStore = store.audience }: StoredBackup,
): Promise<number | null | 'unsaid'> {
  // Another store does not have it, and is not to learn of it.
  if (itsStore !== store.audience) return 'unsaid'
  const key = await openEntry(entry, context.options)
  const digest = await backupDigest('renew', hash, '')
  return inTime(undefined, async (signal) => {
    const now = (await timeOf(store, context.now())) / 1000
    const { audience } = store
    const prove = (nonce?: string): Promise<string> =>
      mintProof(key, { audience, now, purpose: 'backup', nonce, digest })
    return store.renew(hash, whileAsked(signal, prove))
  })
}

/**
 * Anything but the store's own word leaves the record as it is, and the backup expires as it said. One that was to stay
 * for good would count for ever: while its principal is disabled, it does not count, and the store is asked each time.
 */
function readRefusal(error: unknown, { expiresAt }: StoredBackup): undefined | 0 | 'unsaid' {
  if (isLatchkeyError(error, 'BACKUP_UNKNOWN')) return undefined
  return expiresAt === null && isLatchkeyError(error, 'PRINCIPAL_DISABLED') ? 0 : 'unsaid'
}

async function note(
  context: Context,
  { principal }: DeviceEntry,
  stored: StoredBackup,
  keptFor: number | null | undefined,
): Promise<void> {
  await context.write((keyring) => {
    const entry = deviceOf(keyring, principal)
    const now = deviceTime(context)
    return keyring && entry ? replaceEntry(keyring, entry, withStored(entry, stored, keptFor, now)) : keyring
  })
  context.dispatch({ type: 'storageChanged', storage: context.view().storage })
}
