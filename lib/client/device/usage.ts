import type { DeviceEntry, Keyring } from '../../keystore/record.ts'
import type { Runtime } from '../shared/context.ts'

/** Derives an app's key from the device secret, and remembers that something may now depend on it. */
export async function deriveKey(runtime: Runtime, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof purpose !== 'string' || !purpose) throw new TypeError('purpose: expected a text that is not empty')
  const entry = deviceInForce(runtime, runtime.ring())
  if (!entry) throw runtime.core.fail('IDENTITY_UNKNOWN', 'no device identity is in force')
  const key = await runtime.openEntry(entry)
  await mark(runtime, entry.principal, { derived: true })
  // Another tab may have put somebody else in force: then this key is none of their business.
  if (deviceInForce(runtime, runtime.ring())?.principal !== entry.principal) throw runtime.core.fail('IDENTITY_CHANGED')
  return key.deriveKey(purpose)
}

/** Remembers that the identity in force may own something that only a server or a queue knows. */
export async function markWritten(runtime: Runtime): Promise<void> {
  await mark(runtime, runtime.getState().session?.principal, { wrote: true })
}

/** The device identity of the principal in force, beside an account too. */
export function deviceInForce({ core }: Runtime, ring: Keyring): DeviceEntry | undefined {
  const principal = core.currentEntry(ring)?.principal
  return ring.entries.find((entry): entry is DeviceEntry => entry.kind === 'device' && entry.principal === principal)
}

/** Whoever is in force in the record by now: the mark belongs to the identity that did it, set aside or not. */
function mark(
  runtime: Runtime,
  principal: string | undefined,
  marks: Partial<Pick<DeviceEntry, 'wrote' | 'derived'>>,
): Promise<void> {
  return runtime.write((ring) => {
    const entry = ring.entries.find(
      (other): other is DeviceEntry => other.kind === 'device' && other.principal === principal,
    )
    if (!entry || Object.entries(marks).every(([name, value]) => entry[name as keyof DeviceEntry] === value))
      return ring
    return { ...ring, entries: ring.entries.map((other) => (other === entry ? { ...entry, ...marks } : other)) }
  })
}
