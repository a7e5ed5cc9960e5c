/**
 * What a person does once in a while. It loads right after the identity stands, so that the first load stays small,
 * and imports no value of the first load: a shared one would move into a chunk of its own and make it larger.
 */
export { attach } from './background.ts'
export { confirmBackup, exportSecret, importSecret, listIdentities } from './device/backup.ts'
export { catchUp } from './tokens/clock-skew.ts'
export { deriveKey, markWritten } from './device/usage.ts'
export { issuedToken } from './tokens/exchange.ts'
export { ensureIdentity } from './device/ensure-identity.ts'
export { authFetch as fetch } from './tokens/auth-fetch.ts'
export { requestPersistence } from './device/persistence.ts'
export { previewConflict, resolveConflict, unlinkAlias } from './account/resolve-conflict.ts'
export { signOut } from './account/sign-out.ts'
export { acceptAccount, cancelUpgrade, upgrade } from './account/upgrade.ts'
