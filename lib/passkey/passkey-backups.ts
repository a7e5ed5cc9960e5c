import type { LatchkeyErrorCode } from '../errors.ts'
import type { Session } from '../machine/state.ts'
import type { KnownOptions } from '../recovery/known.ts'
import type { RestoreOptions, RestorePreview } from '../recovery/restore.ts'
import type { BackupStore } from './backup-store.ts'
import type { PasskeyReach } from './ceremonies.ts'

// The public face: types only.

/** Backup and restore by a passkey, with a file or a store. Made by `createPasskeyBackup`. Call each method from its own click. */
export interface PasskeyBackups {
  /**
   * Creates a passkey for a backup of the current device identity, or takes one that the user has on this site. Nothing
   * is sealed yet: call `seal` next.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: too late for a backup; `PASSKEY_*`, `KEYSTORE_*`
   */
  add(options?: AddOptions): Promise<AddedPasskey>
  /**
   * Seals the secret for the passkey, and puts the result to the store if there is one. Give the file to the user: without
   * a store, the passkey opens nothing elsewhere without it.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: another identity is current by now; `BACKUP_NOT_OPENED`: what was sealed
   *   could not be opened again; `IDENTITY_UNKNOWN`, `SECRET_HARDENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  seal(added: AddedPasskey): Promise<SealedBackup>
  /**
   * Opens a file that the user chose again, or the backup in the store: from now on the identity is recoverable, if the
   * passkey works elsewhere.
   *
   * @param file - the content of the file; without it, the store is read
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`; `BACKUP_UNKNOWN`: the store has none;
   *   `PRINCIPAL_MISMATCH`: of another identity; `OFFLINE`, `PASSKEY_*`, `KEYSTORE_*`
   */
  verify(file?: string): Promise<PasskeyReach>
  /**
   * Opens a file and says whose it is. Nothing is stored.
   *
   * @param file - the content of the file
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  readFile(file: string, options?: ReadFileOptions): Promise<PasskeyPreview>
  /**
   * The same for the backup in the store: the user needs only the passkey.
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
   * Adds the secret of a preview to the current account that has its principal, for the keys of `deriveKey`.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: not a principal of the account; `KEYSTORE_*`
   */
  unlockData(preview: PasskeyPreview): Promise<void>
  /**
   * Removes from the store the backup of the passkey that the user chooses. The passkey stays, and so do files. From the
   * call on, the backup does not count here, even if the store cannot be reached.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`, `BACKUP_NOT_OPENED`, `PRINCIPAL_DISABLED`, `OFFLINE`, `PASSKEY_*`,
   *   `KEYSTORE_*`
   */
  removeStored(): Promise<void>
}

/** Options of `createPasskeyBackup`. */
export interface PasskeyOptions extends KnownOptions {
  /** Name of the app, as users know it. The dialogs of the browser show it. */
  readonly app: string
  /**
   * `name` of `createAuth`. Backups are sealed for it, so never change it. Defaults to `latchkey`.
   */
  readonly name?: string
  /**
   * Relying party of the passkeys. Backups are sealed for it. Defaults to `location.hostname`. A wider one lets every
   * page below it ask the user for the same passkey.
   */
  readonly rpId?: string
  /** Where sealed backups are kept, so that the passkey alone brings the identity back. By default there is only a file. */
  readonly store?: BackupStore
}

/** Options of `add`. */
export interface AddOptions {
  /** The app's name for the backup. Defaults to the empty string. */
  readonly label?: string
  /**
   * Id (base64url) of a passkey that the user has on this site, such as that of the account: no other one is created. If
   * it has no PRF, `seal` rejects with `PASSKEY_UNSUITABLE`, and the passkey is left as it is.
   */
  readonly credentialId?: string
}

/** Options of `readFile` and `readStored`. */
export interface ReadFileOptions {
  /** The relying party for which the backup was sealed, if the app had another one then. */
  readonly rpId?: string
}

/** A passkey that was created or taken. It contains no secret. */
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
  /** Why the store does not have it; absent if it does, or there is no store. `seal` can be called again. */
  readonly problem?: LatchkeyErrorCode
}

/** The identity that a restore would bring back. Show it, and let the user confirm it. */
export interface PasskeyPreview extends RestorePreview {
  /** The app's name for the backup. */
  readonly label: string
  /** When it was sealed, in milliseconds since 1970. */
  readonly createdAt: number
  readonly reach: PasskeyReach
}
