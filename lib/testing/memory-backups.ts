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
}

/** Creates a backup store in memory. */
export function memoryBackups(options: MemoryBackupsOptions = {}): MemoryBackups {
  const { audience = 'https://backups.test', clock = Date.now, most = 8 } = options
  const verifier = createProofVerifier({ audience, clock })
  const [kept, owners, used] = [new Map<string, string>(), new Map<string, string>(), new Set<string>()]

  async function proven(method: BackupMethod, hash: string, envelope: string, prove: ProveWrite): Promise<string> {
    const digest = await backupDigest(method, hash, envelope)
    const { principal, claims } = await verifier.verify(await prove(), { purpose: 'backup', digest })
    if (used.has(claims.jti)) throw new LatchkeyError('PROOF_REPLAYED')
    used.add(claims.jti)
    return principal
  }

  const reach = (locator: string): Promise<string> => {
    if (!store.online) throw new LatchkeyError('OFFLINE')
    return hashLocator(locator)
  }

  const store: MemoryBackups = {
    audience,
    kept,
    online: true,
    async getTime() {
      if (!store.online) throw new LatchkeyError('OFFLINE')
      return clock()
    },
    async put(locator, envelope, prove) {
      const hash = await reach(locator)
      const principal = await proven('put', hash, envelope, prove)
      if (owners.get(hash) === principal && kept.get(hash) === envelope) return
      if (kept.has(hash)) throw new LatchkeyError('BACKUP_TAKEN')
      const own = [...owners.values()].filter((owner) => owner === principal)
      if (own.length >= most) throw new LatchkeyError('BACKUP_LIMIT')
      kept.set(hash, envelope)
      owners.set(hash, principal)
    },
    read: async (locator) => kept.get(await reach(locator)) ?? null,
    async remove(locator, prove) {
      const hash = await reach(locator)
      const principal = await proven('remove', hash, '', prove)
      if (owners.get(hash) !== principal) throw new LatchkeyError('BACKUP_UNKNOWN')
      kept.delete(hash)
      owners.delete(hash)
    },
  }
  return store
}
