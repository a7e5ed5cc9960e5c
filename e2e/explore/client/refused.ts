import { essenceOf, devicesIn } from '../../../lib/client/faults.testing.ts'
import { type Device, ringOf } from './device.ts'

/** What an act that was refused must leave as it was: who is current, and every device identity. */
export async function essenceIn(device: Device): Promise<string> {
  const ring = await ringOf(device)
  const kept = ring && {
    ...ring,
    intent: null,
    outbox: [],
    // A mark that data may be there is made before what may fail.
    entries: ring.entries.flatMap((entry) =>
      entry.kind === 'device' ? [{ ...entry, wrote: false, derived: false }] : [],
    ),
  }
  return essenceOf(kept, devicesIn(ring))
}
