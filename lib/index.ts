import { type CreateAuth, createAuthWith } from './client/create-auth.ts'

/**
 * Opens the identity of this device, and makes one at the first start.
 *
 * @throws {TypeError} an option cannot be meant
 */
export const createAuth: CreateAuth = /* @__PURE__ */ createAuthWith(() => import('./client/lazy.ts'))

export type { Auth, CreateAuth } from './client/create-auth.ts'
export type { AccountProvider, AccountSession, ProvenRun, Typing } from './client/shared/account-provider.ts'
export type { ImportSecretOptions, KeptIdentity } from './client/device/backup.ts'
export type { DevtoolsHook, DevtoolsInstance, DevtoolsRecord, Timing } from './client/shared/devtools.ts'
export type { EnsureIdentityOptions } from './client/device/ensure-identity.ts'
export type {
  AuthOptions,
  ConflictPolicy,
  ExchangedAudience,
  LocalHoldings,
  PrincipalChange,
} from './client/options.ts'
export type { SignOutOptions } from './client/account/sign-out.ts'
export type { GetTokenOptions } from './client/tokens/token-source.ts'
export type { ConflictPreview, ResolveOptions, UpgradeResult } from './client/account/resolve-conflict.ts'
export { LatchkeyError, isLatchkeyError } from './errors.ts'
export type { LatchkeyErrorCode } from './errors.ts'
export type { CryptoSuite, SigningKey } from './identity/crypto.ts'
export { indexedDbStore } from './keystore/indexed-db.ts'
export { memoryStore } from './keystore/memory.ts'
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
export type { Decision, EventType, PrincipalChangeReason } from './machine/transition.ts'
