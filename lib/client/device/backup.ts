import type { DeviceEntry, Keyring } from '../../keystore/record.ts'
import type { Session } from '../../machine/state.ts'
import { deviceInForce } from './usage.ts'
import { checkIdle } from './ensure-identity.ts'
import type { Runtime } from '../shared/context.ts'

/** Options of `importSecret`. */
export interface ImportSecretOptions {
  /** Sets the device identity in force aside, and puts the imported one in its place. */
  readonly replace?: boolean
}

/** A device identity that is kept here and not in force. */
export interface KeptIdentity {
  readonly principal: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly origin: 'created' | 'imported'
}

/** Returns the text form of the device secret in force. */
export async function exportSecret(runtime: Runtime): Promise<string> {
  await runtime.read()
  const entry = deviceInForce(runtime, runtime.ring())
  if (!entry) throw runtime.core.fail('IDENTITY_UNKNOWN', 'no device identity is in force')
  if (!entry.secret) throw runtime.core.fail('SECRET_HARDENED')
  return entry.secret
}

/** Takes a person's word that the secret is kept elsewhere, after they showed that it is the right one. */
export async function confirmBackup(runtime: Runtime, secret: string): Promise<void> {
  const { principal } = await importedDevice(runtime, secret)
  await runtime.write((ring) => {
    const entry = deviceInForce(runtime, ring)
    if (entry?.principal !== principal)
      throw runtime.core.fail('PRINCIPAL_MISMATCH', 'the secret is of another identity')
    return {
      ...ring,
      entries: ring.entries.map((other) => (other === entry ? { ...entry, backedUpAt: runtime.now() } : other)),
    }
  })
  runtime.dispatch({ type: 'storageChanged', storage: runtime.view().storage })
}

/** Puts the identity of a secret in force. */
export async function importSecret(
  runtime: Runtime,
  secret: string,
  { replace = false }: ImportSecretOptions = {},
): Promise<Session> {
  checkIdle(runtime)
  const imported = await importedDevice(runtime, secret)
  await runtime.write((ring) => {
    const current = runtime.core.currentEntry(ring)
    const isOther = current && current.principal !== imported.principal
    if (isOther && current.kind === 'account')
      throw runtime.core.fail('IDENTITY_CHANGED', 'an account is in force: sign out first')
    if (isOther && !replace)
      throw runtime.core.fail(
        'IDENTITY_CHANGED',
        'another identity is in force; pass { replace: true } to set it aside',
      )
    const known = ring.entries.find((entry) => entry.kind === 'device' && entry.principal === imported.principal)
    const kept = { ...imported, ...known, secret: imported.secret!, backedUpAt: imported.backedUpAt }
    const entries = [...ring.entries.filter((entry) => entry !== known), kept]
    return { ...ring, entries, current: current?.kind === 'account' ? ring.current : `device:${imported.principal}` }
  }, true)
  runtime.dispatch({ type: 'identityEnsured', view: runtime.view(), waiting: runtime.waiting() })
  return runtime.getState().session!
}

/** The device identities that were set aside. */
export async function listIdentities(runtime: Runtime): Promise<KeptIdentity[]> {
  await runtime.read()
  const ring = runtime.ring()
  const inForce = runtime.core.currentEntry(ring)?.principal
  const isAside = (entry: Keyring['entries'][number]): entry is DeviceEntry =>
    entry.kind === 'device' && entry.principal !== inForce
  return ring.entries.filter(isAside).map(({ principal, createdAt, origin }) => ({ principal, createdAt, origin }))
}

/** The entry of a secret that was kept elsewhere. */
async function importedDevice(runtime: Runtime, secret: string): Promise<DeviceEntry> {
  const { deviceEntry, parseSecret } = runtime.core
  return { ...(await deviceEntry(runtime, parseSecret(secret))), origin: 'imported', backedUpAt: runtime.now() }
}
