/** Signs a proof for one write, with the server's nonce if it requires one. */
export type ProveWrite = (nonce?: string) => Promise<string>

/**
 * Where sealed backups are kept so that a passkey alone brings an identity back. A store never sees a secret, and knows
 * of a locator only its SHA-256. `betterAuthBackups` from `latchkey/better-auth/client` is one.
 *
 * Each method rejects with `OFFLINE` if the store cannot be reached. A call that takes longer than ten seconds counts as
 * such, and gets no proof afterwards. `backupStoreAcceptance` from `latchkey/testing` has the tests that each one must
 * pass.
 */
export interface BackupStore {
  /** `aud` of proofs: the server's origin plus base path, without a trailing slash. Read on each use. */
  readonly audience: string
  /**
   * Returns the store's time, in milliseconds since 1970. Without it, a device whose clock is wrong can write nothing.
   */
  getTime?(): Promise<number>
  /**
   * Keeps an envelope at a locator, once. The same one again is no error.
   *
   * @param locator - 32 bytes in base64url: who has it can read the envelope, so it must not be in an address
   * @param prove - signs a proof with purpose `backup` and the `digest` of this write
   * @throws {LatchkeyError} `BACKUP_TAKEN`: there is another one, which stays; `BACKUP_LIMIT`, `BACKUP_ACCOUNT_NEEDED`,
   *   `PRINCIPAL_DISABLED`
   */
  put(locator: string, envelope: string, prove: ProveWrite): Promise<void>
  /** Returns the envelope, or null if there is none. */
  read(locator: string): Promise<string | null>
  /**
   * Removes an envelope that the same identity put.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`: there is none of this identity; `PRINCIPAL_DISABLED`
   */
  remove(locator: string, prove: ProveWrite): Promise<void>
}
