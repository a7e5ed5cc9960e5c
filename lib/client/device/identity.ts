import { isLatchkeyError } from '../../errors.ts'
import { encodeBase64url } from '../../identity/base64url.ts'
import { PROFILE, openDeviceKey } from '../../identity/device-key.ts'
import { createSecret } from '../../identity/secret.ts'
import { EMPTY_KEYRING, currentEntry } from '../../keystore/keyring.ts'
import { type DeviceEntry, entryId } from '../../keystore/record.ts'
import type { EventType } from '../../machine/events.ts'
import { guarded } from '../../machine/guarded.ts'
import { openState } from '../../machine/open-state.ts'
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
