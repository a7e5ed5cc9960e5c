import { isLatchkeyError } from '../../errors.ts'
import type { HardenedKeys } from '../../identity/crypto.ts'
import { importRoot, importSeed, nativeSuite } from '../../identity/native.ts'
import { parseSecret } from '../../identity/secret.ts'
import { utf8 } from '../../identity/encoding.ts'
import { deviceOf, isSpare, replaceEntry } from '../../keystore/entries.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import type { DeviceEntry, Keyring } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'
import { exclusively } from '../shared/lock.ts'
import { appKeyOf } from './app-key.ts'
import { openEntry } from './identity.ts'

/** Contexts whose engine refused to store such keys: they are not tried again. */
const unsupported = new WeakSet<Context>()

/**
 * Replaces a secret by keys that scripts can use but not copy, if wanted and supported.
 *
 * @returns true if a secret was removed
 */
export async function harden(context: Context): Promise<boolean> {
  if (!candidate(context, context.keyring())) return false
  // One tab at a time: no other tab may change the keys between their test and the removal of the secret.
  return exclusively(context, () => replaceSecret(context)).catch(() => false)
}

async function replaceSecret(context: Context): Promise<boolean> {
  await context.read()
  const entry = candidate(context, context.keyring())
  const isGone =
    entry !== undefined &&
    (await keepKeys(context, entry).catch((error: unknown) => refuse(context, error))) &&
    (await dropSecret(context, entry.principal))
  // Another tab may have done it meanwhile.
  context.dispatch({ type: 'storageChanged', storage: context.view().storage })
  return isGone
}

function refuse(context: Context, error: unknown): false {
  // A temporary failure of the store says nothing about the engine: it is tried again later.
  if (isLatchkeyError(error)) throw error
  unsupported.add(context)
  return false
}

/** Returns a current device identity whose secret is no longer needed, because an account restores its principal. */
function candidate(context: Context, keyring: Keyring | null): DeviceEntry | undefined {
  const current = currentEntry(keyring)
  if (!current || unsupported.has(context)) return undefined
  const account = current.kind === 'account' ? current : undefined
  const { harden: when = 'after-upgrade' } = context.options
  const isAlways = when === 'always'
  const isWanted = isAlways || (when === 'after-upgrade' && account?.recoverable)
  const principals = [current.principal, ...(account?.aliases ?? [])]
  return isWanted
    ? keyring?.entries.find(
        (entry): entry is DeviceEntry =>
          entry.kind === 'device' &&
          principals.includes(entry.principal) &&
          entry.secret !== undefined &&
          (isAlways || isSpare(entry)),
      )
    : undefined
}

/** Writes the keys beside the secret, reads them back and tests them: only tested keys may replace it. */
async function keepKeys(context: Context, { principal }: DeviceEntry): Promise<boolean> {
  const entry = deviceOf(context.keyring(), principal)!
  const keys = await keysOf(entry)
  await change(context, principal, (found) => ({ ...found, keys }))
  await context.read()
  if (await isEqual(context, deviceOf(context.keyring(), principal)).catch(() => false)) return true
  await change(context, principal, without('keys'))
  return false
}

/** Derives the keys of a secret again with WebCrypto: only WebCrypto keys can be stored. */
async function keysOf({ profile, secret }: DeviceEntry): Promise<HardenedKeys> {
  const derive = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
    nativeSuite.hkdf(parseSecret(secret!), utf8(`${profile}/${name}`))
  return { sign: await importSeed(await derive('sign'), false), appRoot: await importRoot(await derive('app')) }
}

async function isEqual(context: Context, entry: DeviceEntry | undefined): Promise<boolean> {
  if (!entry?.keys || !entry.secret) return false
  const hardenedEntry = without('secret')(entry)
  const [derived, hardened] = [await openEntry(entry, context.options), await openEntry(hardenedEntry, context.options)]
  const probe = crypto.getRandomValues(new Uint8Array(32))
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x: entry.x }, 'Ed25519', false, [
    'verify',
  ])
  const isSigned = await crypto.subtle.verify('Ed25519', publicKey, (await hardened.sign(probe)) as BufferSource, probe)
  const [expected, found] = [
    await appKeyOf(entry, derived, 'probe', context.options),
    await appKeyOf(hardenedEntry, hardened, 'probe', context.options),
  ]
  return isSigned && String(found) === String(expected)
}

async function dropSecret(context: Context, principal: string): Promise<boolean> {
  let isGone = false
  await context.write((keyring) => {
    const entry = deviceOf(keyring, principal)
    // Since the test, the account may be gone or `deriveKey` used.
    isGone = entry?.keys !== undefined && candidate(context, keyring)?.principal === principal
    return keyring && isGone ? replaceEntry(keyring, entry, without('secret')(entry!)) : keyring
  })
  return isGone
}

function change(context: Context, principal: string, update: (entry: DeviceEntry) => DeviceEntry): Promise<void> {
  return context.write((keyring) => {
    const entry = deviceOf(keyring, principal)
    return keyring && entry?.secret ? replaceEntry(keyring, entry, update(entry)) : keyring
  })
}

function without(member: 'secret' | 'keys') {
  return (entry: DeviceEntry): DeviceEntry =>
    Object.fromEntries(Object.entries(entry).filter(([name]) => name !== member)) as unknown as DeviceEntry
}
