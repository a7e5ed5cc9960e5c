import { LatchkeyError } from '../errors.ts'
import type { BackupStore, ProveWrite } from '../passkey/backup-store.ts'
import { type BackupMethod, backupDigest, hashLocator } from '../tokens/backup-digest.ts'
import { createProofVerifier } from '../tokens/verify.ts'

/** A backup store in memory that checks proofs as a real one does, for tests without a backend. */
export interface MemoryBackups extends BackupStore {
  /** The envelopes by the SHA-256 of their locators. */
  readonly kept: ReadonlyMap<string, string>
  /** False: no request reaches the store. */
  online: boolean
}

/** Options of {@link memoryBackups}. */
export interface MemoryBackupsOptions {
  /** `aud` of proofs. Defaults to `https://backups.test`. */
  readonly audience?: string
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** The largest number of backups of one identity. Defaults to 8. */
  readonly most?: number
  /** Milliseconds after which a backup that was not renewed is gone. Defaults to never. */
  readonly keptFor?: number
}

/** Creates a backup store in memory. */
export function memoryBackups(options: MemoryBackupsOptions = {}): MemoryBackups {
  const { audience = 'https://backups.test', clock = Date.now, most = 8, keptFor = null } = options
  const verifier = createProofVerifier({ audience, clock })
  const [kept, owners, used] = [new Map<string, string>(), new Map<string, string>(), new Set<string>()]
  const ends = new Map<string, number>()

  function extend(hash: string): number | null {
    if (keptFor !== null) ends.set(hash, clock() + keptFor)
    return keptFor
  }

  function drop(hash: string): void {
    for (const map of [kept, owners, ends]) map.delete(hash)
  }

  async function proven(method: BackupMethod, hash: string, envelope: string, prove: ProveWrite): Promise<string> {
    const digest = await backupDigest(method, hash, envelope)
    const { principal, claims } = await verifier.verify(await prove(), { purpose: 'backup', digest })
    if (used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
    used.add(claims.jti)
    return principal
  }

  function reach(): void {
    if (!store.online) throw new LatchkeyError('OFFLINE')
    for (const [hash, end] of ends) if (end <= clock()) drop(hash)
  }

  const find = async (locator: string): Promise<string> => {
    reach()
    return hashLocator(locator)
  }

  const store: MemoryBackups = {
    audience,
    kept,
    online: true,
    async getTime() {
      reach()
      return clock()
    },
    async put(locator, envelope, prove) {
      const hash = await find(locator)
      const principal = await proven('put', hash, envelope, prove)
      if (owners.get(hash) === principal && kept.get(hash) === envelope) return extend(hash)
      if (kept.has(hash)) throw new LatchkeyError('BACKUP_TAKEN')
      const own = [...owners.values()].filter((owner) => owner === principal)
      if (own.length >= most) throw new LatchkeyError('BACKUP_LIMIT')
      kept.set(hash, envelope)
      owners.set(hash, principal)
      return extend(hash)
    },
    async renew(hash, prove) {
      reach()
      const principal = await proven('renew', hash, '', prove)
      if (owners.get(hash) !== principal) throw new LatchkeyError('BACKUP_UNKNOWN')
      return extend(hash)
    },
    read: async (locator) => kept.get(await find(locator)) ?? null,
    async remove(locator, prove) {
      const hash = await find(locator)
      const principal = await proven('remove', hash, '', prove)
      if (owners.get(hash) !== principal) throw new LatchkeyError('BACKUP_UNKNOWN')
      drop(hash)
    },
  }
  return store
}
