import { decodeBase64url, encodeBase64url, utf8 } from '../identity/encoding.ts'
import { PROFILE } from '../identity/device-key.ts'
import { sha256 } from '../identity/digest.ts'

/** The writes of a backup store. */
export type BackupMethod = 'put' | 'renew' | 'remove'

/**
 * Returns the SHA-256 of a locator, in base64url. It is all that a store keeps of it: a copy of the store's data reads
 * nothing from the store.
 *
 * @throws {LatchkeyError} `ENCODING_INVALID`
 */
export async function hashLocator(locator: string): Promise<string> {
  return encodeBase64url(await sha256(decodeBase64url(locator)))
}

/**
 * Returns the claim `digest` of a proof with purpose `backup`: it is for one write.
 *
 * @param hash - from {@link hashLocator}
 * @param envelope - what is put; empty for the others
 */
export async function backupDigest(method: BackupMethod, hash: string, envelope: string): Promise<string> {
  return encodeBase64url(await sha256(utf8(`${PROFILE}/backup\0${method}\0${hash}\0${envelope}`)))
}
