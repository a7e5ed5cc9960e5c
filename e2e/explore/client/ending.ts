import { currentEntry } from '../../../lib/keystore/keyring.ts'
import { currentAccount } from '../../../lib/keystore/entries.ts'
import { readPayload } from '../../../lib/client/client.testing.ts'
import { dumpOf } from '../dump.ts'
import { accountsIn } from '../subject.ts'
import { type Page, type Tab, keyringOf } from './device.ts'
import { perform } from './acts.ts'
import { expectInvariants } from './oracles.ts'
import { pass, reopen } from './rest.ts'
import { type ClientWorld, pagesOf, sessionOf } from './world.ts'

/** The network and the clocks are right again, and every tab is opened anew: what must hold then. */
export async function expectWayOn(world: ClientWorld): Promise<void> {
  for (const device of Object.values(world.devices)) Object.assign(device, { isOnline: true, skew: 0 })
  for (const tab of world.tabs) await reopen(world, tab)
  await pass(world, 20_000)
  await pass(world, 400_000)
  await pass(world, 20_000)
  await expectInvariants(world)
  expectSignedOut(world)
  for (const tab of pagesOf(world)) await expectTruth(world, tab)
  if (world.broken.length > 0) return
  for (const tab of pagesOf(world)) await expectFreedom(world, tab)
  await pass(world, 20_000)
  await expectInvariants(world)
  expectSignedOut(world)
}

/** No session that a sign-out named is left in a browser. */
function expectSignedOut(world: ClientWorld): void {
  for (const device of Object.values(world.devices)) {
    const session = sessionOf(world, device)
    if (session && world.left.get(session.id) === device)
      world.broken.push(`${device.name} still has a session that was signed out`)
  }
}

/** A page shows what the account server says, or that its session is gone. */
async function expectTruth(world: ClientWorld, { page, name, device }: Tab & { readonly page: Page }): Promise<void> {
  const { error, session, phase, storage } = page.auth.getState()
  const entry = currentAccount(await keyringOf(device))
  const found = sessionOf(world, device)
  if (entry && found?.accountId === entry.accountId) {
    const account = accountsIn(await dumpOf(world)).find(({ id }) => id === entry.accountId)!
    const isSame = session?.principal === account.principal
    if (!isSame && error !== 'missing')
      world.broken.push(`${name} shows ${session?.principal} for an account with ${account.principal}`)
    if (isSame && error) world.broken.push(`${name} says ${error}, and its session is there`)
    const aliases = session?.principals.slice(1) ?? []
    if (isSame && aliases.toSorted().join() !== account.principals.slice(1).toSorted().join())
      world.broken.push(`${name} shows the aliases ${aliases.join()} of ${account.principals.join()}`)
  } else if (entry && error !== 'missing') world.broken.push(`${name} says nothing of its session, which is gone`)
  if (phase === 'upgrading') world.broken.push(`${name} is still upgrading`)
  // A record that vanished is made anew only if the person asks for it, which comes next.
  if (error || storage.problem === 'KEYSTORE_VANISHED') return
  await expectToken(world, page, name)
}

async function expectToken(world: ClientWorld, page: Page, name: string): Promise<void> {
  const { session } = page.auth.getState()
  try {
    const jwt = await page.auth.getToken({ fresh: true })
    const subject = jwt === null ? undefined : readPayload(jwt)['sub']
    if (subject !== session?.principal)
      world.broken.push(`${name} has a token of ${String(subject)} for ${session?.principal}`)
  } catch (failure) {
    world.broken.push(`${name} gets no token: ${String(failure)}`)
  }
}

/** A person can end whatever is pending, sign out, and begin anew. */
async function expectFreedom(world: ClientWorld, tab: Tab & { readonly page: Page }): Promise<void> {
  const { phase, storage } = tab.page.auth.getState()
  const acts = [
    storage.problem === 'KEYSTORE_VANISHED' && 'ensureIdentity',
    phase !== 'ready' && 'cancelUpgrade',
    'signOut',
    'ensureIdentity',
  ]
  for (const act of acts.filter((name) => name !== false)) {
    const done = await perform(world, tab, { tab: 0, do: act })
    if (done?.isRefused) world.broken.push(`${tab.name} cannot begin anew: ${act} says ${done.text}`)
    const isOut = currentEntry(await keyringOf(tab.device)) === undefined
    if (act === 'signOut' && !isOut) world.broken.push(`${tab.name} is signed out, and an identity is current`)
  }
  await expectToken(world, tab.page, tab.name)
}
