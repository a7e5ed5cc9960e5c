import { timeOf } from '../client/shared/server-time.ts'
import { type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import { type BackupMethod, backupDigest, hashLocator } from '../tokens/backup-digest.ts'
import { mintProof } from '../tokens/prove.ts'
import type { PasskeyBackup } from '../keystore/record.ts'
import type { BackupStore, ProveWrite } from './backup-store.ts'
import type { Sealed } from './envelope.ts'

/** An envelope and its place at a store. */
export interface Stored {
  readonly sealed: Pick<Sealed, 'secret'>
  readonly envelope: string
  readonly locator: string
}

/** A backup at a store, for the record. */
export type Kept = NonNullable<PasskeyBackup['stored']>

/**
 * Puts an envelope to a store. The user still has the file if that fails.
 *
 * @param isOwn - opens what is there already: an earlier attempt may have arrived although its response was lost
 * @returns how long it is kept, or the code that says why it is not there
 */
export async function keptAt(
  store: BackupStore,
  clock: () => number,
  stored: Stored,
  isOwn: (envelope: string) => Promise<boolean>,
): Promise<Kept | LatchkeyErrorCode> {
  const { locator, envelope } = stored
  const hash = await hashLocator(locator)
  try {
    const keptFor = await store.put(locator, envelope, await proofOf(store, clock, stored, 'put'))
    return { hash, audience: store.audience, keptFor }
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    const found = error.code === 'BACKUP_TAKEN' ? await store.read(locator).catch(() => null) : null
    const isThere = found !== null && (await isOwn(found).catch(() => false))
    return isThere ? renewed(store, clock, stored).catch(() => unknownAt(store, stored)) : error.code
  }
}

/** It is unknown how long the store keeps it. */
export async function unknownAt({ audience }: BackupStore, { locator }: Stored): Promise<Kept> {
  return { hash: await hashLocator(locator), audience, keptFor: 0 }
}

/**
 * Has a store keep a backup that it was just asked for.
 *
 * @throws {LatchkeyError} those of the store
 */
export async function renewed(store: BackupStore, clock: () => number, stored: Stored): Promise<Kept> {
  const hash = await hashLocator(stored.locator)
  const prove = store.renew && (await proofOf(store, clock, { ...stored, envelope: '' }, 'renew'))
  return { hash, audience: store.audience, keptFor: prove ? await store.renew!(hash, prove) : null }
}

/** @throws {LatchkeyError} those of the store */
export async function removeFrom(store: BackupStore, clock: () => number, stored: Stored): Promise<void> {
  await store.remove(stored.locator, await proofOf(store, clock, { ...stored, envelope: '' }, 'remove'))
}

async function proofOf(
  store: BackupStore,
  clock: () => number,
  { sealed, envelope, locator }: Stored,
  method: BackupMethod,
): Promise<ProveWrite> {
  const key = await openDeviceKey(parseSecret(sealed.secret))
  const digest = await backupDigest(method, await hashLocator(locator), envelope)
  const now = (await timeOf(store, clock())) / 1000
  return (nonce) => mintProof(key, { audience: store.audience, now, purpose: 'backup', nonce, digest })
}
