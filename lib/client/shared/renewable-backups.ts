/** Signs a proof for one write, with the server's nonce if it requires one. */
export type ProveWrite = (nonce?: string) => Promise<string>

/** The part of a backup store that keeps backups from expiring. A `BackupStore` of `latchkey/passkey` is one. */
export interface RenewableBackups {
  /** `aud` of proofs: the server's origin plus base path, without a trailing slash. Read on each use. */
  readonly audience: string
  /** Returns the store's time, in milliseconds since 1970. Without it, a device whose clock is wrong cannot write. */
  getTime?(): Promise<number>
  /**
   * Keeps a backup for as long as a new one, if the same identity put it. One that could not be put again keeps the
   * time that it has. Without this method, the store never deletes a backup by itself.
   *
   * @param hash - SHA-256 of the locator, in base64url
   * @param prove - signs a proof with purpose `backup` and the `digest` of this write
   * @returns milliseconds until the store deletes it; null: never
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`: this identity has none there; `PRINCIPAL_DISABLED`
   */
  renew?(hash: string, prove: ProveWrite): Promise<number | null>
}
