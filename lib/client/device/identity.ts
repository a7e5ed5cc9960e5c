import { isLatchkeyError } from '../../errors.ts'
import { PROFILE, openDeviceKey } from '../../identity/device-key.ts'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { type DeviceEntry, EMPTY_KEYRING, type Keyring, currentEntry, entryId } from '../../keystore/record.ts'
import type { Runtime } from '../shared/context.ts'

/**
 * Reads the record, makes the first identity where that is wanted, and opens the machine. Never rejects.
 *
 * @returns whether there was a record, as far as is known
 */
export async function start(runtime: Runtime): Promise<boolean> {
  let found: boolean
  try {
    found = await runtime.read()
    if (!found && runtime.options.initialMode !== 'anonymous') await createIdentity(runtime, false)
    runtime.dispatch({ type: 'opened', view: runtime.view(), waiting: runtime.waiting() })
  } catch (error) {
    runtime.dispatch({ type: 'openFailed', problem: isLatchkeyError(error) ? error.code : 'KEYSTORE_UNAVAILABLE' })
    return true
  }
  return found
}

/**
 * Makes an identity and puts it in force, unless there is one: then that one is kept.
 *
 * @param isExplicit - somebody asked for it, so that it may also take the place of a record that vanished
 */
export async function createIdentity(runtime: Runtime, isExplicit: boolean): Promise<void> {
  // The updater must be synchronous: an await inside would end the transaction. So the candidate comes first.
  const candidate = await deviceEntry(runtime, createSecret())
  // A record with nobody in force is a sign-out, which another tab may have done since.
  const isWanted = (ring: Keyring): boolean => !currentEntry(ring) && (isExplicit || ring === EMPTY_KEYRING)
  await runtime.write(
    (ring) => (isWanted(ring) ? { ...ring, current: entryId(candidate), entries: [...ring.entries, candidate] } : ring),
    isExplicit,
  )
}

/** The entry of a secret (32 bytes). */
export async function deviceEntry({ options, now }: Runtime, secret: Uint8Array<ArrayBuffer>): Promise<DeviceEntry> {
  const { principal, x } = await openDeviceKey(secret, options.crypto)
  return {
    kind: 'device',
    profile: PROFILE,
    principal,
    x,
    secret: formatSecret(secret),
    createdAt: now(),
    origin: 'created',
    wrote: false,
    derived: false,
    backedUpAt: null,
  }
}
