import type { CreateAuth } from './client/auth.ts'
import { createAuthWith } from './client/create-auth.ts'

/**
 * Opens this device's identity, and creates one at the first start.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export const createAuth: CreateAuth = /* @__PURE__ */ createAuthWith(() =>
  import('./client/lazy.ts').then(({ later }) => later),
)

export type {
  Auth,
  AuthOptions,
  ConfirmBackupOptions,
  ConflictPolicy,
  ConflictPreview,
  CreateAuth,
  DeriveKeyOptions,
  EnsureIdentityOptions,
  ExchangedAudience,
  ExportSecretOptions,
  GetTokenOptions,
  ImportSecretOptions,
  KeptIdentity,
  ListIdentitiesOptions,
  LocalData,
  PrincipalChange,
  ResolveOptions,
  SignOutOptions,
  RunOptions,
  UpgradeOptions,
  UnlockDataOptions,
  UpgradeResult,
  Upgraded,
} from './client/auth.ts'
export type {
  AccountDevice,
  AccountDevices,
  AccountProvider,
  AccountSession,
  CallOptions,
  DeviceCallOptions,
  DeviceRevocation,
  ExpectedAccount,
  RevokeDeviceOptions,
  SessionChange,
  ProvenRun,
  Typing,
} from './client/shared/account-provider.ts'
export type {
  DevtoolsControls,
  DevtoolsHook,
  DevtoolsInstance,
  DevtoolsRecord,
  DevtoolsRecorder,
  DevtoolsToken,
  Timing,
} from './client/shared/devtools.ts'
export { LatchkeyError, isLatchkeyError } from './errors.ts'
export type { LatchkeyErrorCode } from './errors.ts'
export type { CryptoSuite, SigningKey } from './identity/crypto.ts'
export { indexedDbStore } from './keystore/indexed-db.ts'
export { memoryStore } from './keystore/memory.ts'
export type { Backup, PasskeyBackup } from './keystore/record.ts'
export type { RecordStore, Trace } from './keystore/store.ts'
export type {
  AuthErrorKind,
  AuthMode,
  AuthState,
  Conflict,
  PendingUpgrade,
  Phase,
  Session,
  Storage,
  UpgradeState,
  WaitingAccount,
} from './machine/state.ts'
export type { Decision, EventType, PrincipalChangeReason } from './machine/events.ts'
export { isNetworkError } from './network-error.ts'
