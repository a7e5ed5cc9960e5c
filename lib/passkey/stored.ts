import { type LatchkeyErrorCode, isLatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import { timeOf } from '../recovery/server-time.ts'
import { type BackupMethod, backupDigest, hashLocator } from '../tokens/backup-digest.ts'
import { mintProof } from '../tokens/prove.ts'
import type { BackupStore, ProveWrite } from './backup-store.ts'
import type { Sealed } from './envelope.ts'

/** An envelope and its place at a store. */
export interface Stored {
  readonly sealed: Pick<Sealed, 'secret'>
  readonly envelope: string
  readonly locator: string
}

/**
 * Puts an envelope to a store. The user still has the file if that fails.
 *
 * @param isOwn - opens what is there already: an earlier attempt may have arrived although its response was lost
 * @returns why it is not there; undefined if it is
 */
export async function keptAt(
  store: BackupStore,
  clock: () => number,
  stored: Stored,
  isOwn: (envelope: string) => Promise<boolean>,
): Promise<LatchkeyErrorCode | undefined> {
  const { locator, envelope } = stored
  try {
    await store.put(locator, envelope, await proofOf(store, clock, stored, 'put'))
    return undefined
  } catch (error) {
    if (!isLatchkeyError(error)) throw error
    const found = error.code === 'BACKUP_TAKEN' ? await store.read(locator).catch(() => null) : null
    return found !== null && (await isOwn(found).catch(() => false)) ? undefined : error.code
  }
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
