export { createRecovery } from './recovery/create-recovery.ts'
export type {
  BeginBackupOptions,
  ReadOptions,
  Recovery,
  RecoveryOptions,
  WordsBackup,
} from './recovery/create-recovery.ts'
export type { AskedIdentity, KnownOptions, KnownToServer } from './recovery/known.ts'
export { findUnknownWords, parsePhrase, toPhrase } from './recovery/phrase.ts'
export type { UnknownWord } from './recovery/phrase.ts'
export type { PreviewOptions, RecoverableAuth, RestoreOptions, RestorePreview } from './recovery/restore.ts'
export type { IdentityIds, IdentityProfile } from './identity/profile.ts'
export { checkOf, parseCheckedText, toCheckedText } from './recovery/secret-text.ts'
export { toHtml, toSheet } from './recovery/sheet.ts'
export type { RecoverySheet, SheetOptions } from './recovery/sheet.ts'
