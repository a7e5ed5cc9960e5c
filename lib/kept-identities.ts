import type { Auth, KeptIdentity, ListIdentitiesOptions } from './client/auth.ts'
import { isLatchkeyError } from './errors.ts'

/**
 * Returns the identities of this device; none if its site data was cleared, because then a way back is what the user
 * needs.
 *
 * @throws {LatchkeyError} the other codes `KEYSTORE_*`
 */
export async function listKept(
  auth: Pick<Auth, 'listIdentities'>,
  options?: ListIdentitiesOptions,
): Promise<readonly KeptIdentity[]> {
  try {
    return await auth.listIdentities(options)
  } catch (error) {
    if (isLatchkeyError(error, 'KEYSTORE_VANISHED')) return []
    throw error
  }
}
