import { EXPECT_HEADER } from '../../adapters/better-auth/index.ts'
import { statusOf } from '../../adapters/better-auth/binding/status.ts'
import { pathOf } from '../../adapters/better-auth/testing/requests.testing.ts'
import { linkDevice } from './binding-acts.ts'
import { dumpOf } from './dump.ts'
import { LEFT_OUT } from './known.ts'
import { waysIn } from './oracles.ts'
import { type Account, accountsIn } from './subject.ts'
import { type Seat, type SeatName, type World, look, mailOf, nameOf, proofOf, send } from './world.ts'

/**
 * At the end of a sequence each honest person has their device and their mailbox, and nothing else: they still get an
 * account with the device's principal, or are told the documented conflict; and the device key is a way in unless an
 * account of theirs took that over.
 */
export async function expectWayOn(world: World): Promise<void> {
  for (const name of ['ada', 'phone', 'bob'] as const) {
    await expectStatus(world, world.seats[name])
    await expectAccount(world, name)
  }
}

async function expectStatus(world: World, { name, device: { principal, thumbprint } }: Seat): Promise<void> {
  const status = await statusOf(world.explored.server.adapter, principal, thumbprint)
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

/** By a mailbox or a phone number that somebody proved. */
function canBeHadBack({ user, isLost }: Account): boolean {
  const isMailbox = Boolean(user['emailVerified']) || user['principalMailbox'] === user['email']
  return !isLost && (isMailbox || Boolean(user['phoneNumberVerified']))
}

/** Enters by each mailbox; one of the accounts has to have, or take, the principal. */
async function expectAccount(world: World, name: SeatName): Promise<void> {
  const { person, device } = world.seats[name]
  if (world.gaveUp.has(device.principal)) return
  const holder = accountsIn(await dumpOf(world)).find(
    ({ principals, isLost }) => principals.includes(device.principal) && !isLost,
  )
  const email = person.mailboxes.find((mailbox) => mailbox === holder?.user['email']) ?? person.mailboxes[0]
  const ways = holder && holder.user['email'] !== email ? waysIn(world, await dumpOf(world), holder, person.name) : []
  for (const way of ways) {
    const session = await way.enter()
    if (session && [session.principal, ...session.aliases].includes(device.principal)) return
  }
  const seat: Seat = { name, person, device, cookies: new Map() }
  await send(world, seat, '/sign-in/magic-link', { body: { email } })
  const path = pathOf(mailOf(world, email, ({ kind }) => kind === 'magic')!.url!)
  const entered = await send(world, seat, path, { headers: { ...(await proofOf(seat)), [EXPECT_HEADER]: email } })
  const has = async () => {
    const session = await look(world, seat)
    return session !== null && [session.principal, ...session.aliases].includes(device.principal)
  }
  if (await has()) return
  const linked = await linkDevice(world, seat, email)
  if (linked === null && LEFT_OUT.linkAfterHandover) return
  if (linked?.code === 'ACCOUNT_HANDED_OVER' || (await has())) return
  world.broken.push(
    `${name} gets no account with ${nameOf(world, device.principal)}: ${entered.status} ${entered.code}, then ${linked?.status} ${linked?.code}`,
  )
}
