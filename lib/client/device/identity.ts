import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import { encodeBase64url } from '../../identity/encoding.ts'
import { type DeviceKey, PROFILE, openDeviceKey, openHardenedKey } from '../../identity/device-key.ts'
import { createSecret, parseSecret } from '../../identity/secret.ts'
import { currentEntry, EMPTY_KEYRING, entryId } from '../../keystore/keyring.ts'
import type { DeviceEntry } from '../../keystore/record.ts'
import type { EventType } from '../../machine/events.ts'
import { guarded } from '../../machine/guarded.ts'
import { openState } from '../../machine/open-state.ts'
import type { AuthOptions } from '../auth.ts'
import type { StartContext } from '../shared/context.ts'

/**
 * Reads the record, creates the first identity if `initialMode` says so, and shows the first state. Never rejects.
 */
export async function start(context: StartContext): Promise<void> {
  try {
    context.isFirst = !(await context.read())
    if (context.isFirst && context.options.initialMode !== 'anonymous') await createIdentity(context, false)
    open(context, 'opened')
  } catch (error) {
    context.isFirst = false
    context.learn({ problem: isLatchkeyError(error) ? error.code : 'KEYSTORE_UNAVAILABLE' })
    open(context, 'openFailed')
  }
}

function open(context: StartContext, event: EventType): void {
  context.replace(openState(context.getState(), { view: context.view(), waiting: context.waiting() }))
  guarded(() => context.record?.({ at: context.now(), event, ignored: false, state: context.getState() }))
  context.notify()
}

/**
 * Creates an identity and makes it current, unless one is current already.
 *
 * @param isExplicit - true if the app asked for it: then also after a sign-out, or to replace a vanished record
 */
export async function createIdentity(context: StartContext, isExplicit: boolean): Promise<void> {
  // The updater must be synchronous: an await inside would end the transaction. So the candidate is created first.
  const candidate = await deviceEntry(context, createSecret())
  await context.write(
    (found) => {
      // A record without a current identity is a sign-out, possibly by another tab.
      if (currentEntry(found) || (found && !isExplicit)) return found
      const keyring = found ?? EMPTY_KEYRING
      return { ...keyring, current: entryId(candidate), entries: [...keyring.entries, candidate] }
    },
    { restores: isExplicit },
  )
}

/** Creates the entry of a secret (32 bytes). */
export async function deviceEntry(
  { options, now }: StartContext,
  secret: Uint8Array<ArrayBuffer>,
): Promise<DeviceEntry> {
  const { principal, x } = await openDeviceKey(secret, options.crypto)
  return {
    kind: 'device',
    profile: PROFILE,
    principal,
    x,
    secret: encodeBase64url(secret),
    createdAt: now(),
    origin: 'created',
    wrote: false,
    derived: false,
    backedUpAt: null,
  }
}

/** Returns the key of the current device identity; null in the other modes. */
export async function currentKey(context: StartContext): Promise<DeviceKey | null> {
  const entry = currentEntry(context.keyring())
  if (entry?.kind !== 'device') return null
  const known = context.opened
  // After hardening, the secret leaves memory too.
  if (known?.entry.principal === entry.principal && known.entry.secret === entry.secret) return known.key
  const key = openEntry(entry, context.options)
  context.opened = { entry, key }
  key.catch(() => delete context.opened)
  return key
}

/** Opens the device key of an entry, and checks that it belongs to the principal. */
export async function openEntry(entry: DeviceEntry, { crypto }: AuthOptions): Promise<DeviceKey> {
  if (!entry.secret && entry.keys) return openHardenedKey(entry, entry.keys)
  const key = await openDeviceKey(parseSecret(entry.secret!, 'KEYSTORE_CORRUPT'), crypto)
  if (key.principal !== entry.principal) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return key
}
