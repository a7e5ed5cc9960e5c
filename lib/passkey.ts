export type { BackupStore, ProveWrite } from './passkey/backup-store.ts'
export { createPasskeyBackup } from './passkey/create-passkey-backup.ts'
export type {
  AddOptions,
  AddedPasskey,
  PasskeyActOptions,
  PasskeyBackups,
  PasskeyOptions,
  PasskeyPreview,
  ReadFileOptions,
  SealedBackup,
} from './passkey/passkey-backups.ts'
export type { PasskeyReach } from './passkey/ceremonies.ts'
export { isRecoveryCredential } from './passkey/user-handle.ts'
export type { AskedIdentity, KnownOptions, KnownToServer } from './recovery/known.ts'
export type { PreviewOptions, RecoverableAuth, RestoreOptions, RestorePreview } from './recovery/restore.ts'
export type { IdentityIds, IdentityProfile } from './identity/profile.ts'
