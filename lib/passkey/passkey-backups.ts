import type { LatchkeyErrorCode } from '../errors.ts'
import type { Session } from '../machine/state.ts'
import type { PreviewOptions, RestoreOptions, RestorePreview } from '../recovery/restore.ts'
import type { BackupStore } from './backup-store.ts'
import type { PasskeyReach } from './ceremonies.ts'

// The public face: types only.

/** Backup and restore by a passkey, with a file or a store. Call each method from its own click. */
export interface PasskeyBackups {
  /**
   * Creates a passkey for a backup of the current device identity, or uses one that the user already has on this site.
   * Nothing is sealed yet: call `seal` next.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: too late for a backup; `PASSKEY_*`, `KEYSTORE_*`
   */
  add(options?: AddOptions): Promise<AddedPasskey>
  /**
   * Seals the secret for the passkey, and puts the result into the store if there is one. Let the user save the file:
   * without a store, it is needed together with the passkey.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: another identity is current now; `BACKUP_NOT_OPENED`: the sealed
   *   envelope could not be opened again; `IDENTITY_UNKNOWN`, `SECRET_HARDENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  seal(added: AddedPasskey, options?: PasskeyActOptions): Promise<SealedBackup>
  /**
   * Opens a file that the user chose again, or the backup in the store. If the passkey works on other devices, the
   * identity is recoverable from then on.
   *
   * @param file - the content of the file; without it, the backup comes from the store
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`; `BACKUP_UNKNOWN`: the store has none;
   *   `PRINCIPAL_MISMATCH`: the backup is of another identity; `OFFLINE`, `PASSKEY_*`, `KEYSTORE_*`
   */
  verify(file?: string, options?: PasskeyActOptions): Promise<PasskeyReach>
  /**
   * Opens a file and returns whose it is. Nothing is stored.
   *
   * @param file - the content of the file
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  readFile(file: string, options?: ReadFileOptions): Promise<PasskeyPreview>
  /**
   * Like `readFile`, for the backup in the store: the user needs only the passkey.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`: the store has none for the passkey that the user chose, which stays;
   *   `BACKUP_NOT_OPENED`, `OFFLINE`, `PASSKEY_*`, `KEYSTORE_*`
   */
  readStored(options?: ReadFileOptions): Promise<PasskeyPreview>
  /**
   * Makes the identity of a preview current, after the app showed the preview and the user confirmed it. On any failure
   * everything stays as it was.
   *
   * @throws {LatchkeyError} `RESTORE_UNKNOWN`; `IDENTITY_CHANGED`: another identity is current, or no longer the one in
   *   the preview; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  importBackup(preview: PasskeyPreview, options?: RestoreOptions): Promise<Session>
  /**
   * Adds the secret of a preview to the current account, which has its principal, so that `deriveKey` works.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: not a principal of the account; `KEYSTORE_*`
   */
  unlockData(preview: PasskeyPreview): Promise<void>
  /**
   * Removes the backup of the passkey that the user chooses from the store. The passkey and the files stay. From the
   * call on, the backup does not count on this device, even if the store cannot be reached.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`, `BACKUP_NOT_OPENED`, `PRINCIPAL_DISABLED`, `OFFLINE`, `PASSKEY_*`,
   *   `KEYSTORE_*`
   */
  removeStored(options?: PasskeyActOptions): Promise<void>
}

/** Options of `createPasskeyBackup`. */
export interface PasskeyOptions extends PreviewOptions {
  /** Name of the app, as users know it. The dialogs of the browser show it. */
  readonly app: string
  /**
   * `name` of `createAuth`. Backups are sealed for it, so never change it. Defaults to `latchkey`.
   */
  readonly name?: string
  /**
   * Relying party of the passkeys. Backups are sealed for it, so never change it. Defaults to `location.hostname`. A
   * wider one lets every page below it ask the user for the same passkey.
   */
  readonly rpId?: string
  /** Stores sealed backups, so that the passkey alone restores the identity. By default there is only the file. */
  readonly store?: BackupStore
}

/** Options of each method that asks for a passkey. */
export interface PasskeyActOptions {
  /**
   * Closes the browser's dialog when it fires: the method rejects with `PASSKEY_CANCELLED`, and nothing has changed.
   */
  readonly signal?: AbortSignal
}

/** Options of `add`. */
export interface AddOptions extends PasskeyActOptions {
  /** The app's name for the backup. Defaults to the empty string. */
  readonly label?: string
  /**
   * One of `session.principals`: data may depend on the key of an alias. Defaults to the one for which `storage.advice`
   * asks for a backup, otherwise to `session.principal`.
   */
  readonly principal?: string
  /**
   * Id (base64url) of a passkey that the user has on this site, such as the account's own: no new one is created. If it
   * does not support PRF, `seal` rejects with `PASSKEY_UNSUITABLE` and leaves the passkey as it is.
   */
  readonly credentialId?: string
}

/** Options of `readFile` and `readStored`. */
export interface ReadFileOptions extends PasskeyActOptions {
  /** The relying party that the backup was sealed for, if the app had another one then. */
  readonly rpId?: string
}

/** A passkey that was created or chosen. Contains no secret. */
export interface AddedPasskey {
  /** In base64url. */
  readonly credentialId: string
  readonly principal: string
  readonly label: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A backup that was sealed. */
export interface SealedBackup {
  /** The content of the file that the user keeps. Only the passkey opens it. */
  readonly file: string
  readonly reach: PasskeyReach
  /** Why the store does not have the backup; absent if it does, or if there is no store. You can call `seal` again. */
  readonly problem?: LatchkeyErrorCode
}

/** The identity that would be restored. Show it, and let the user confirm it. */
export interface PasskeyPreview extends RestorePreview {
  /** The app's name for the backup. */
  readonly label: string
  /** When it was sealed, in milliseconds since 1970. */
  readonly createdAt: number
  readonly reach: PasskeyReach
}
