/**
 * What a person does once in a while. It loads right after the identity stands, so that the first load stays small,
 * and imports no value of the first load: a shared one would move into a chunk of its own and make it larger.
 */
export { accountToken } from './account-token.ts'
export { attach } from './attach.ts'
export { deriveKey, recordWrite, resumeIdentity } from './device-acts.ts'
export { authFetch } from './fetch.ts'
export { signOut } from './sign-out.ts'
export { upgrade } from './upgrade.ts'
