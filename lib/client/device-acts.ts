import type { DeviceEntry } from '../keystore/record.ts'
import type { Runtime } from './runtime.ts'

/** Derives an app's key from the device secret, and remembers that something may now depend on it. */
export async function deriveKey(runtime: Runtime, purpose: string): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof purpose !== 'string' || !purpose) throw new TypeError('purpose: expected a text that is not empty')
  const key = await runtime.deviceKey()
  if (!key) throw runtime.core.fail('IDENTITY_UNKNOWN', 'no device identity is in force')
  await markDevice(runtime, { derived: true })
  return key.deriveKey(purpose)
}

/** Remembers that the identity in force may own something that only a server or a queue knows. */
export async function recordWrite(runtime: Runtime): Promise<void> {
  await markDevice(runtime, { wrote: true })
}

async function markDevice(runtime: Runtime, mark: Partial<Pick<DeviceEntry, 'wrote' | 'derived'>>): Promise<void> {
  await runtime.write((ring) => {
    const current = runtime.core.currentEntry(ring)
    if (current?.kind !== 'device' || Object.entries(mark).every(([name, value]) => current[name as keyof DeviceEntry] === value)) return ring
    return { ...ring, entries: ring.entries.map((entry) => (entry === current ? { ...current, ...mark } : entry)) }
  })
}
