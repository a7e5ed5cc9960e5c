import { type Auth, createAuth, isLatchkeyError, memoryStore } from 'latchkey'
import { type PasskeyBackups, createPasskeyBackup } from 'latchkey/passkey'

/** A device in the page: an identity, and its backups by passkeys. */
export interface PasskeyDevice {
  readonly auth: Auth
  readonly passkeys: PasskeyBackups
}

/** Opens a device. Those of one page share its authenticators, as the devices of one user do. */
export async function openPasskeyDevice(initialMode: 'local-first' | 'anonymous'): Promise<PasskeyDevice> {
  const auth = createAuth({ keystore: memoryStore(), initialMode })
  await auth.ready
  return { auth, passkeys: createPasskeyBackup(auth, { app: 'Notes' }) }
}

/** The code of the failure, or what came of it. */
export async function passkeyCodeOf(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => (isLatchkeyError(error) ? error.code : String(error)))
}
