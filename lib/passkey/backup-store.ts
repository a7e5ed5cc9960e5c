/** Signs a proof for one write, with the server's nonce if it requires one. */
export type ProveWrite = (nonce?: string) => Promise<string>

/**
 * Stores sealed backups, so that a passkey alone restores an identity. A store never sees a secret, and keeps only the
 * SHA-256 of a locator. `betterAuthBackups` from `latchkey/better-auth/client` is one.
 *
 * Each method rejects with `OFFLINE` if the store cannot be reached. A call that takes longer than ten seconds counts
 * as such, and gets no proof afterwards. `backupStoreAcceptance` from `latchkey/testing` has the tests that each store
 * must pass.
 */
export interface BackupStore {
  /** `aud` of proofs: the server's origin plus base path, without a trailing slash. Read on each use. */
  readonly audience: string
  /**
   * Returns the store's time, in milliseconds since 1970. Without it, a device whose clock is wrong cannot write.
   */
  getTime?(): Promise<number>
  /**
   * Stores an envelope at a locator, once. Storing the same one again is not an error.
   *
   * @param locator - 32 bytes in base64url: anyone who has it can read the envelope, so it must not be in a URL
   * @param prove - signs a proof with purpose `backup` and the `digest` of this write
   * @throws {LatchkeyError} `BACKUP_TAKEN`: there is another envelope, which stays; `BACKUP_LIMIT`,
   *   `BACKUP_ACCOUNT_NEEDED`, `PRINCIPAL_DISABLED`
   */
  put(locator: string, envelope: string, prove: ProveWrite): Promise<void>
  /** Returns the envelope, or null if there is none. */
  read(locator: string): Promise<string | null>
  /**
   * Removes an envelope that the same identity put.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`: this identity has none there; `PRINCIPAL_DISABLED`
   */
  remove(locator: string, prove: ProveWrite): Promise<void>
}
