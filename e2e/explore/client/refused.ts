import { essenceOf, devicesIn } from '../../../lib/client/faults.testing.ts'
import { type Device, keyringOf } from './device.ts'

/** What an act that was refused must leave as it was: who is current, and every device identity. */
export async function essenceIn(device: Device): Promise<string> {
  const keyring = await keyringOf(device)
  const kept = keyring && {
    ...keyring,
    intent: null,
    outbox: [],
    // A mark that data may be there is made before what may fail.
    entries: keyring.entries.flatMap((entry) =>
      entry.kind === 'device' ? [{ ...entry, wrote: false, derived: false }] : [],
    ),
  }
  return essenceOf(kept, devicesIn(keyring))
}
