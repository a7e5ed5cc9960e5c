import { brokenIn } from '../../../lib/client/faults.testing.ts'
import { currentEntry } from '../../../lib/keystore/keyring.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { dumpOf } from '../dump.ts'
import { expectOneAccountEach } from '../oracles.ts'
import { type Account, accountsIn } from '../subject.ts'
import { type Device, keyringOf } from './device.ts'
import { idle } from './rest.ts'
import { type ClientWorld, pagesOf } from './world.ts'

/** What must hold whenever everything is at rest. */
export async function expectInvariants(world: ClientWorld): Promise<void> {
  const accounts = accountsIn(await dumpOf(world))
  noteDeleted(world, accounts)
  expectOneAccountEach(world, accounts)
  const keyrings = new Map<Device, Keyring | null>()
  for (const device of Object.values(world.devices)) keyrings.set(device, await expectSound(world, device))
  await expectAgreement(world, keyrings)
  expectDataReachable(world, accounts, [...keyrings.values()])
  for (const reason of world.environment.unhandled) world.broken.push(`an unhandled rejection: ${String(reason)}`)
}

/** An account that is gone takes its principals with it: no account has them afterwards. */
function noteDeleted(world: ClientWorld, accounts: readonly Account[]): void {
  for (const [id, principals] of world.accounts) {
    if (accounts.some((account) => account.id === id)) continue
    for (const principal of principals) {
      world.retired.add(principal)
      world.gaveUp.set(principal, 'deleted')
    }
  }
  world.accounts.clear()
  for (const { id, principals } of accounts) world.accounts.set(id, principals)
}

/** Every device identity in a record can sign for its principal. */
async function expectSound(world: ClientWorld, device: Device): Promise<Keyring | null> {
  const keyring = await keyringOf(device)
  for (const principal of await brokenIn(keyring))
    world.broken.push(`${device.name}: the key of ${principal} is broken`)
  device.isNew &&= keyring === null
  const principal = currentEntry(keyring)?.principal
  if (principal !== undefined) device.seen.add(principal)
  return keyring
}

/** What each tab shows is what the record of its device says. */
async function expectAgreement(world: ClientWorld, keyrings: ReadonlyMap<Device, Keyring | null>): Promise<void> {
  for (const { page, name, device } of pagesOf(world)) {
    // A page that could not read what another one wrote reads again when it comes to the front.
    if (world.isFaulty) await page.auth.listIdentities().catch(() => {})
    const { phase, session, error, storage, authMode } = page.auth.getState()
    const [keyring, entry] = [keyrings.get(device) ?? null, currentEntry(keyrings.get(device) ?? null)]
    if (!['ready', 'pending', 'conflict'].includes(phase)) world.broken.push(`${name} stays ${phase}`)
    if (error && !session) world.broken.push(`${name} has an error, ${error}, and no session`)
    if (!keyring || storage.problem) continue
    if (session?.principal !== entry?.principal)
      world.broken.push(
        `${name} shows ${session?.principal ?? 'nobody'} where ${entry?.principal ?? 'nobody'} is current`,
      )
    const mode = !entry ? 'anonymous' : entry.kind === 'device' ? 'local-first' : 'external'
    if (authMode !== mode) world.broken.push(`${name} is ${authMode} where the record says ${mode}`)
  }
  await idle(world)
  world.isFaulty = false
}

/** A principal that the data server has rows of stays in reach, unless the person gave it up. */
function expectDataReachable(
  { data, gaveUp, words, broken }: ClientWorld,
  accounts: readonly Account[],
  keyrings: readonly (Keyring | null)[],
): void {
  for (const principal of data) {
    if (gaveUp.has(principal) || words.has(principal)) continue
    const isHere = keyrings.some((keyring) =>
      keyring?.entries.some((each) => each.kind === 'device' && each.principal === principal),
    )
    const holder = accounts.find((account) => account.principals.includes(principal) && !account.isLost)
    // An account that has its own id for a principal never had a key.
    if (!isHere && holder?.id !== principal && !holder?.user['emailVerified'])
      broken.push(
        `the data of ${principal} is out of reach: no device has its key, and ${holder ? 'its account cannot be recovered' : 'no account has it'}`,
      )
  }
}
