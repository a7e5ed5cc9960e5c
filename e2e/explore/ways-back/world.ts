import { openSqlite } from '../../../adapters/better-auth/testing/database.testing.ts'
import { betterAuthAccount, betterAuthBackups } from '../../../adapters/better-auth/client/index.ts'
import { latchkey, latchkeyJwt } from '../../../adapters/better-auth/index.ts'
import {
  AUDIENCE,
  ORIGIN,
  type TestBrowser,
  type TestServer,
  person,
  testServer,
} from '../../../adapters/better-auth/testing/server.testing.ts'
import { type Auth, createAuth } from '../../../lib/index.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { parseKeyring } from '../../../lib/keystore/keyring.ts'
import { type Pairing, createPairing } from '../../../lib/pairing.ts'
import { type PasskeyBackups, createPasskeyBackup } from '../../../lib/passkey.ts'
import { type FakeAuthenticator, fakeAuthenticator } from '../../../lib/passkey/authenticator.testing.ts'
import { type Recovery, createRecovery } from '../../../lib/recovery.ts'
import { type Faults, createFaults, faultyStore } from '../../../lib/testing/faulty-store.ts'
import { type Moments, watchMoments } from '../moments.ts'

/** A page of a device, whose store and network may fail. */
export interface Page {
  readonly device: TestBrowser
  readonly auth: Auth
  readonly faults: Faults
  readonly recovery: Recovery
  readonly passkeys: PasskeyBackups
  readonly pairing: Pairing
}

/** A device whose identity is to be brought back, or to another device, and its backups. */
export interface Owner {
  readonly device: TestBrowser
  readonly principal: string
  readonly secret: string
  readonly words: string
  readonly file: string
  /** Place of its passkey in the authenticator. */
  readonly passkey: number
  readonly hasAccount: boolean
}

/** A server, the devices that have identities, and an authenticator with their passkeys. */
export interface World {
  readonly server: TestServer
  readonly moments: Moments
  readonly authenticator: FakeAuthenticator
  readonly owners: readonly Owner[]
  /** How often the server died. */
  deaths: number
  close(): Promise<void>
}

const PLENTY = { perAddressAndDay: 1_000_000, total: 1_000_000, days: 365 }

/** Starts the server, and has some devices make backups of each kind. */
export async function newWorld(): Promise<World> {
  const authenticator = fakeAuthenticator()
  const database = openSqlite()
  const plugins = [
    latchkey({ pairing: { limit: { perAddress: 1_000_000, total: 1_000_000 } }, backupsWithoutAccount: PLENTY }),
    latchkeyJwt(),
  ]
  const server = await testServer({ plugins }, database)
  const owners: Owner[] = []
  const base = { server, authenticator, owners, deaths: 0, close: () => database.close() }
  const world = Object.assign(base, { moments: watchMoments(server.adapter) })
  for (const hasAccount of [false, false, true, true]) owners.push(await newOwner(world, hasAccount))
  return world
}

async function newOwner(world: World, hasAccount: boolean): Promise<Owner> {
  const device = world.server.browser()
  const page = await openPage(world, device, 'local-first')
  const { auth, recovery, passkeys } = page
  const name = `owner-${world.owners.length}`
  if (hasAccount) await auth.upgrade(() => device.client.signUp.email(person(name)))
  const { words } = await recovery.beginBackup()
  const { file, problem } = await passkeys.seal(await passkeys.add({ label: name }))
  if (problem) throw new Error(`the backup is not in the store: ${problem}`)
  const secret = await auth.exportSecret()
  const { principal } = auth.getState().session!
  closePage(page)
  return { device, principal, secret, words: words.join(' '), file, passkey: world.owners.length, hasAccount }
}

/** Opens a page of a device. Nothing fails until its faults are armed. */
export async function openPage(
  world: World,
  device: TestBrowser,
  initialMode: 'local-first' | 'anonymous' = 'anonymous',
): Promise<Page> {
  const faults = createFaults()
  const wire = faults.wire('OFFLINE')
  const carry: NonNullable<TestBrowser['intercept']> = async (request, forward) => {
    device.intercept = carry
    const cookies = [...device.cookies]
    try {
      return await wire(new URL(request.url).pathname, async () => alive(world, await forward()))
    } catch (error) {
      // The response was lost, and its cookies with it.
      device.cookies.clear()
      for (const [cookie, value] of cookies) device.cookies.set(cookie, value)
      throw error
    }
  }
  device.intercept = carry
  const account = betterAuthAccount(device.client)
  const auth = createAuth({
    account,
    keystore: faultyStore(device.store, faults),
    audience: ORIGIN,
    initialMode,
    harden: 'never',
  })
  await auth.ready
  const send: typeof fetch = async (input, init) => {
    // A page that is gone asks nothing any more: this ends its loops.
    if (faults.dead) return Response.json({ code: 'RENDEZVOUS_ENDED' }, { status: 409 })
    return device.send(String(input).replace(AUDIENCE, ''), init)
  }
  return {
    device,
    auth,
    faults,
    recovery: createRecovery(auth, { account }),
    passkeys: createPasskeyBackup(auth, { app: 'Notes', account, store: betterAuthBackups(device.client) }),
    pairing: createPairing(auth, {
      server: AUDIENCE,
      deviceName: 'a device',
      url: `${ORIGIN}/`,
      fetch: send,
      interval: 8,
    }),
  }
}

/** A server that died has sent no response. The next request meets it again. */
function alive(world: World, response: Response): Response {
  if (!world.moments.isDead) return response
  world.moments.clear()
  world.deaths++
  throw new TypeError('the server died')
}

/** The tab is closed, whatever it was doing. */
export function closePage({ auth, faults, device }: Page): void {
  faults.die()
  auth.close()
  device.intercept = null
}

export async function recordOf({ store }: TestBrowser): Promise<Keyring | null> {
  return parseKeyring(await store.read())
}
