import { PROFILE, openDeviceKey } from '../identity/device-key.ts'
import { createSecret, formatSecret } from '../identity/secret.ts'
import { type DeviceEntry, entryId } from '../keystore/record.ts'
import type { Session } from '../machine/state.ts'
import type { Runtime } from './runtime.ts'

/** Options of `ensureIdentity`. */
export interface EnsureIdentityOptions {
  /** The principal of an identity that was set aside on this device, to take it again instead of making one. */
  readonly resume?: string
}

/** Reads the record, makes the first identity where that is wanted, and opens the machine. Never rejects. */
export async function start(runtime: Runtime): Promise<void> {
  try {
    const found = await runtime.read()
    if (!found && runtime.options.initialMode !== 'anonymous') await createIdentity(runtime)
    runtime.dispatch({ type: 'opened', view: runtime.view() })
  } catch (error) {
    runtime.dispatch({ type: 'openFailed', problem: runtime.toError(error).code })
  }
}

/** Anonymous to local-first; with a session already there it only returns it. */
export async function ensureIdentity(runtime: Runtime, { resume }: EnsureIdentityOptions = {}): Promise<Session> {
  if (['upgrading', 'signing-out'].includes(runtime.getState().phase)) throw runtime.fail('UPGRADE_IN_PROGRESS')
  if (resume === undefined) await createIdentity(runtime)
  else await (await runtime.acts()).resumeIdentity(runtime, resume)
  runtime.dispatch({ type: 'identityEnsured', view: runtime.view() })
  return runtime.getState().session!
}

/** Makes an identity and puts it in force, unless there is one: then that one is kept. */
async function createIdentity(runtime: Runtime): Promise<void> {
  await runtime.read()
  if (runtime.currentOf(runtime.ring())) return
  // The updater must be synchronous: an await inside would end the transaction. So the candidate comes first.
  const candidate = await newDevice(runtime)
  await runtime.write((ring) => (runtime.currentOf(ring) ? ring : { ...ring, current: entryId(candidate), entries: [...ring.entries, candidate] }))
}

async function newDevice({ options, now }: Runtime): Promise<DeviceEntry> {
  const bytes = createSecret()
  const { principal, x } = await openDeviceKey(bytes, options.crypto)
  return {
    kind: 'device',
    profile: PROFILE,
    principal,
    x,
    secret: formatSecret(bytes),
    createdAt: now(),
    origin: 'created',
    wrote: false,
    derived: false,
    backedUpAt: null,
  }
}
