import { createAuthClient } from 'better-auth/client'
import { magicLinkClient } from 'better-auth/client/plugins'
import { betterAuthAccount, latchkeyClient } from '../../../adapters/better-auth/client/index.ts'
import { ORIGIN } from '../../../adapters/better-auth/testing/server.testing.ts'
import { type Auth, type AuthOptions, createAuth } from '../../../lib/index.ts'
import { clearableStore } from '../../../lib/client/faults.testing.ts'
import { type Doing, type RecordRules, recordRules } from '../../../lib/client/model.testing.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { parseKeyring } from '../../../lib/keystore/keyring.ts'
import type { RecordStore } from '../../../lib/keystore/store.ts'
import { type Faults, createFaults, faultyStore } from '../../../lib/testing/faulty-store.ts'
import { type Recovery, createRecovery } from '../../../lib/recovery.ts'
import { type Connection, type Line, connect } from './connection.ts'

/** The data server of the app. */
export const DATA = 'https://data.example'

/** A browser whose tabs share a record, cookies, a clock and a network. */
export interface Device extends Line {
  readonly name: DeviceName
  readonly store: ReturnType<typeof clearableStore>
  readonly rules: RecordRules
  /** Milliseconds that its clock is ahead of the server's. */
  skew: number
  /** There was no record since the last time that everything was at rest. */
  isNew: boolean
  /** Every principal that was current here. */
  readonly seen: Set<string>
}

export type DeviceName = 'laptop' | 'phone'

/** One page of a tab. */
export interface Page {
  readonly auth: Auth
  readonly client: ReturnType<typeof newClient>
  readonly recovery: Recovery
  readonly connection: Connection
  /** Of the store. */
  readonly faults: Faults
  readonly doing: Doing & { readonly acts: string[] }
}

/** One page after the other; null while it is closed. */
export interface Tab {
  readonly device: Device
  readonly name: string
  page: Page | null
}

/** Sees each change of a record. */
export type Observer = (device: Device, doing: Doing, before: Keyring | null, after: Keyring | null) => void

export function newDevice(name: DeviceName): Device {
  return {
    name,
    store: clearableStore(false),
    rules: recordRules(),
    cookies: new Map(),
    isOnline: true,
    skew: 0,
    isNew: true,
    seen: new Set(),
  }
}

export async function keyringOf({ store }: Device): Promise<Keyring | null> {
  return parseKeyring(await store.read())
}

/** Opens a page in a tab. It is not ready yet. */
export function openPage(
  device: Device,
  handler: (request: Request) => Promise<Response>,
  observe: Observer,
  options: AuthOptions,
): Page {
  const faults = createFaults()
  const connection = connect(device, handler)
  const client = newClient(connection.fetch)
  const acts = ['start']
  const doing = { acts, isHardened: options.harden === 'always' }
  const auth = createAuth({
    account: betterAuthAccount(client),
    keystore: faultyStore(watched(device, doing, observe), faults),
    clock: () => Date.now() + device.skew,
    audience: ORIGIN,
    audiences: { [DATA]: DATA },
    ...options,
  })
  void auth.ready.then(() => acts.splice(acts.indexOf('start'), 1))
  return { auth, client, recovery: createRecovery(auth), connection, faults, doing }
}

/** Ends a page as closing its tab does: whatever it was doing never goes on. */
export function kill({ auth, connection, faults }: Page): void {
  faults.die()
  faults.recover()
  connection.cut()
  auth.close()
}

function watched(device: Device, doing: Doing, observe: Observer): RecordStore {
  return {
    ...device.store,
    update: (updater) =>
      device.store.update((found) => {
        const next = updater(found)
        observe(device, doing, parseKeyring(found), parseKeyring(next))
        return next
      }),
  }
}

function newClient(network: typeof fetch) {
  return createAuthClient({
    baseURL: ORIGIN,
    plugins: [latchkeyClient(), magicLinkClient()],
    fetchOptions: { customFetchImpl: network },
  })
}
