import type { ProveWrite, RenewableBackups } from '../client/shared/renewable-backups.ts'

export type { ProveWrite, RenewableBackups }

/**
 * Stores sealed backups, so that a passkey alone restores an identity. A store never sees a secret, and keeps only the
 * SHA-256 of a locator. `betterAuthBackups` from `latchkey/better-auth/client` is one.
 *
 * Each method rejects with `OFFLINE` if the store cannot be reached. A call that takes longer than ten seconds counts
 * as such, and gets no proof afterwards. `backupStoreAcceptance` from `latchkey/testing` has the tests that each store
 * must pass.
 */
export interface BackupStore extends RenewableBackups {
  /**
   * Stores an envelope at a locator, once. Storing the same one again is not an error.
   *
   * @returns milliseconds until the store deletes it; null: never
   * @param locator - 32 bytes in base64url: anyone who has it can read the envelope, so it must not be in a URL
   * @param prove - signs a proof with purpose `backup` and the `digest` of this write
   * @throws {LatchkeyError} `BACKUP_TAKEN`: there is another envelope, which stays; `BACKUP_LIMIT`,
   *   `BACKUP_ACCOUNT_NEEDED`, `PRINCIPAL_DISABLED`
   */
  put(locator: string, envelope: string, prove: ProveWrite): Promise<number | null>
  /** Returns the envelope, or null if there is none. */
  read(locator: string): Promise<string | null>
  /**
   * Removes an envelope that the same identity put.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`: this identity has none there; `PRINCIPAL_DISABLED`
   */
  remove(locator: string, prove: ProveWrite): Promise<void>
}
