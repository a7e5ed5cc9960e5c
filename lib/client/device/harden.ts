import type { HardenedKeys } from '../../identity/crypto.ts'
import type { DeviceEntry, Keyring } from '../../keystore/record.ts'
import { exclusively } from '../shared/lock.ts'
import type { Runtime } from '../shared/context.ts'

/** Engines that refused to store such keys once do so for good. */
const refused = new WeakSet<Runtime>()

/**
 * Replaces secrets by keys that script can use and not copy, where that is wanted and works here.
 *
 * @returns whether a secret went
 */
export async function harden(runtime: Runtime): Promise<boolean> {
  if (refused.has(runtime) || !candidate(runtime, runtime.ring())) return false
  // One tab at a time: nobody may change the keys between their trial and the end of the secret.
  return exclusively(runtime, () => replaceSecret(runtime)).catch(() => false)
}

async function replaceSecret(runtime: Runtime): Promise<boolean> {
  await runtime.read()
  const entry = candidate(runtime, runtime.ring())
  const isGone =
    entry !== undefined &&
    (await keepKeys(runtime, entry).catch((error: unknown) => refuse(runtime, error))) &&
    (await dropSecret(runtime, entry.principal))
  // Another tab may have done it meanwhile.
  runtime.dispatch({ type: 'storageChanged', storage: runtime.view().storage })
  return isGone
}

function refuse(runtime: Runtime, error: unknown): false {
  // A store that fails for once says nothing about the engine: the next occasion tries again.
  if (runtime.core.isLatchkeyError(error)) throw error
  refused.add(runtime)
  return false
}

/** A device identity in force whose secret is not needed any more: an account brings its principal back. */
function candidate({ options, core }: Runtime, ring: Keyring): DeviceEntry | undefined {
  const current = core.currentEntry(ring)
  if (!current) return undefined
  const account = current.kind === 'account' ? current : undefined
  const { harden: when = 'after-upgrade' } = options
  const isAlways = when === 'always'
  const isWanted = isAlways || (when === 'after-upgrade' && account?.recoverable)
  const principals = [current.principal, ...(account?.aliases ?? [])]
  const isReady = (entry: DeviceEntry): boolean => isAlways || !entry.derived || entry.backedUpAt !== null
  return isWanted
    ? ring.entries.find(
        (entry): entry is DeviceEntry =>
          entry.kind === 'device' &&
          principals.includes(entry.principal) &&
          entry.secret !== undefined &&
          isReady(entry),
      )
    : undefined
}

/** Writes the keys beside the secret, reads them back and uses them: only what was seen to work may take its place. */
async function keepKeys(runtime: Runtime, { principal }: DeviceEntry): Promise<boolean> {
  const entry = deviceOf(runtime.ring(), principal)!
  const keys = await keysOf(runtime, entry)
  await change(runtime, principal, (found) => ({ ...found, keys }))
  await runtime.read()
  if (await isEqual(runtime, deviceOf(runtime.ring(), principal)).catch(() => false)) return true
  await change(runtime, principal, without('keys'))
  return false
}

/** The keys of a secret, derived once more with WebCrypto: only its own keys can be stored. */
async function keysOf({ core }: Runtime, { profile, secret }: DeviceEntry): Promise<HardenedKeys> {
  const { importRoot, importSeed, nativeSuite, parseSecret } = core
  const derive = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    nativeSuite.hkdf(parseSecret(secret!), new TextEncoder().encode(`${profile}/${name}`))
  return { sign: await importSeed(await derive('sign'), false), appRoot: await importRoot(await derive('app')) }
}

async function isEqual(runtime: Runtime, entry: DeviceEntry | undefined): Promise<boolean> {
  if (!entry?.keys || !entry.secret) return false
  const [derived, hardened] = [await runtime.openEntry(entry), await runtime.openEntry(without('secret')(entry))]
  const probe = crypto.getRandomValues(new Uint8Array(32))
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x: entry.x }, 'Ed25519', false, [
    'verify',
  ])
  const isSigned = await crypto.subtle.verify('Ed25519', publicKey, (await hardened.sign(probe)) as BufferSource, probe)
  return isSigned && String(await hardened.deriveKey('probe')) === String(await derived.deriveKey('probe'))
}

async function dropSecret(runtime: Runtime, principal: string): Promise<boolean> {
  let isGone = false
  await runtime.write((ring) => {
    const entry = deviceOf(ring, principal)
    // The account may have gone, or a key been derived, since the keys were tried.
    isGone = entry?.keys !== undefined && candidate(runtime, ring)?.principal === principal
    if (!isGone) return ring
    return { ...ring, entries: ring.entries.map((other) => (other === entry ? without('secret')(entry) : other)) }
  })
  return isGone
}

function change(runtime: Runtime, principal: string, update: (entry: DeviceEntry) => DeviceEntry): Promise<void> {
  return runtime.write((ring) => ({
    ...ring,
    entries: ring.entries.map((entry) =>
      entry.kind === 'device' && entry.principal === principal && entry.secret ? update(entry) : entry,
    ),
  }))
}

function without(member: 'secret' | 'keys') {
  return (entry: DeviceEntry): DeviceEntry =>
    Object.fromEntries(Object.entries(entry).filter(([name]) => name !== member)) as unknown as DeviceEntry
}

function deviceOf(ring: Keyring, principal: string): DeviceEntry | undefined {
  return ring.entries.find((entry): entry is DeviceEntry => entry.kind === 'device' && entry.principal === principal)
}
