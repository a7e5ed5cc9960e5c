export { createRecovery } from './recovery/create-recovery.ts'
export type {
  BeginBackupOptions,
  ImportPhraseOptions,
  RecoverableAuth,
  Recovery,
  RecoveryOptions,
  RestorePreview,
  WordsBackup,
} from './recovery/create-recovery.ts'
export type { AskedIdentity, KnownOptions, KnownToServer } from './recovery/known.ts'
export { findUnknownWords, parsePhrase, toPhrase } from './recovery/phrase.ts'
export type { UnknownWord } from './recovery/phrase.ts'
export { checkOf, parseCheckedText, toCheckedText } from './recovery/secret-text.ts'
export { toHtml, toSheet } from './recovery/sheet.ts'
export type { RecoverySheet, SheetOptions } from './recovery/sheet.ts'
