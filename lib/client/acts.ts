/**
 * What a person does once in a while. It loads right after the identity stands, so that the first load stays small,
 * and imports no value of the first load: a shared one would move into a chunk of its own and make it larger.
 */
export { attach } from './attach.ts'
export { confirmBackup, exportSecret, importSecret, listIdentities } from './backup.ts'
export { catchUp } from './clock.ts'
export { deriveKey, markWritten } from './device-acts.ts'
export { issuedToken } from './exchange.ts'
export { ensureIdentity } from './ensure-identity.ts'
export { authFetch as fetch } from './fetch.ts'
export { requestPersistence } from './persistence.ts'
export { previewConflict, resolveConflict, unlinkAlias } from './resolve.ts'
export { signOut } from './sign-out.ts'
export { acceptAccount, cancelUpgrade, upgrade } from './upgrade.ts'
