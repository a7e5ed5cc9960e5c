import { encodeBase64url, utf8 } from '../identity/encoding.ts'

const PREFIX = 'lk1'

/** The same in base64url: three bytes are four characters, so every handle begins with them. */
const ENCODED_PREFIX = 'bGsx'

/** Length of a user handle, in bytes and in characters of base64url. */
const HANDLE_BYTES = 32
const HANDLE_CHARACTERS = 43

/**
 * Returns a user handle (`user.id`) for a new passkey. It is random and tells nothing: an authenticator shows it
 * without verifying the user, and overwrites the passkey that has an equal one.
 */
export function createUserHandle(): Uint8Array<ArrayBuffer> {
  const handle = crypto.getRandomValues(new Uint8Array(HANDLE_BYTES))
  handle.set(utf8(PREFIX))
  return handle
}

/**
 * Returns true if a passkey was created by `latchkey/passkey`, and no account has it. Ask this before an app's sign-in
 * reports a passkey as unknown: password managers then delete it for good. False for a passkey of an account that was
 * reused for a backup (`add({ credentialId })`): it has the account's user handle. Also look for its id in the backups
 * of `listIdentities({ withCurrent: true })`.
 *
 * @param userHandle - `response.userHandle` of the assertion: bytes, or base64url as in its JSON form
 */
export function isRecoveryCredential(userHandle: ArrayBuffer | Uint8Array | string | null | undefined): boolean {
  const text = typeof userHandle === 'string' ? userHandle : encodeBase64url(new Uint8Array(userHandle ?? []))
  return text.length === HANDLE_CHARACTERS && text.startsWith(ENCODED_PREFIX)
}
