import { EXPECT_HEADER } from '../../adapters/better-auth/index.ts'
import { statusOf } from '../../adapters/better-auth/binding/status.ts'
import { pathOf } from '../../adapters/better-auth/testing/requests.testing.ts'
import { storeOf } from '../../adapters/better-auth/testing/server.testing.ts'
import { linkDevice } from './binding-acts.ts'
import { dumpOf } from './dump.ts'
import { waysIn } from './oracles.ts'
import { type Account, accountsIn } from './subject.ts'
import { look, send } from './send.ts'
import { type Seat, type SeatName, type World, mailOf, nameOf, proofOf } from './world.ts'

/**
 * At the end of a sequence each honest person has their device and their mailbox, and nothing else: they still get an
 * account with the device's principal, or are told the documented conflict; and the device key is a way in unless an
 * account of theirs took that over.
 */
export async function expectWayOn(world: World): Promise<void> {
  for (const name of ['ada', 'phone', 'bob'] as const) {
    // Ada is whom it is about; a device that did nothing, and that was not named, has nothing to lose.
    if (name !== 'ada' && !world.acted.has(name)) continue
    await expectStatus(world, world.seats[name])
    await expectAccount(world, name)
  }
}

async function expectStatus(world: World, { name, device: { principal, thumbprint } }: Seat): Promise<void> {
  const status = await statusOf(storeOf(world.explored.server.adapter), principal, thumbprint)
  const why = world.gaveUp.get(principal)
  if (why === 'deleted' || why === 'revoked') {
    if (status !== 'disabled') world.broken.push(`the key of ${name} is a way in, though it was ${why}`)
    return
  }
  const holder = accountsIn(await dumpOf(world)).find(({ principals }) => principals.includes(principal))
  const isRecoverable = holder !== undefined && canBeHadBack(holder)
  if (status === 'disabled' && !isRecoverable && why === undefined)
    world.broken.push(`the key of ${name} is disabled, and no recoverable account has its principal`)
  if (status === 'active' && isRecoverable)
    world.broken.push(`the key of ${name} is a way in, though its account can be recovered without it`)
}

/** By a mailbox or a phone number that a person proved. */
function canBeHadBack({ user, isLost }: Account): boolean {
  const isMailbox = Boolean(user['emailVerified']) || user['principalMailbox'] === user['email']
  return !isLost && (isMailbox || Boolean(user['phoneNumberVerified']))
}

/** Some account has to have, or take, the principal: the one that has it now, or that of the person's first mailbox. */
async function expectAccount(world: World, name: SeatName): Promise<void> {
  const { person, device } = world.seats[name]
  if (world.gaveUp.has(device.principal)) return
  const dump = await dumpOf(world)
  const holder = accountsIn(dump).find(({ principals }) => principals.includes(device.principal))
  const own = person.mailboxes.filter((mailbox) => mailbox === holder?.user['email'])
  const results: string[] = []
  for (const email of new Set([...own, person.mailboxes[0]])) {
    const result = await enterBy(world, { name, person, device, cookies: new Map() }, email)
    if (result === null) return
    results.push(result)
  }
  // Where the account has another identifier of theirs: a phone number, a wallet, a provider.
  for (const way of holder ? waysIn(world, dump, holder, person.name) : []) {
    const session = await way.enter()
    if (session && [session.principal, ...session.aliases].includes(device.principal)) return
  }
  world.broken.push(`${name} gets no account with ${nameOf(world, device.principal)}: ${results.join('; ')}`)
}

/** @returns null: the account has the principal now, or the documented conflict was told */
async function enterBy(world: World, seat: Seat, email: string): Promise<string | null> {
  await send(world, seat, '/sign-in/magic-link', { body: { email } })
  const path = pathOf(mailOf(world, email, ({ kind }) => kind === 'magic')!.url!)
  const entered = await send(world, seat, path, { headers: { ...(await proofOf(seat)), [EXPECT_HEADER]: email } })
  const session = await look(world, seat)
  if (session && [session.principal, ...session.aliases].includes(seat.device.principal)) return null
  const linked = await linkDevice(world, seat, { session, expect: email })
  if (linked?.code === 'ACCOUNT_HANDED_OVER') return null
  if (linked?.refused === false) return null
  return `${entered.status} ${entered.code}, then ${linked?.status} ${linked?.code}`
}
