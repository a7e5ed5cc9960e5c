import { EXPECT_HEADER } from '../../adapters/better-auth/index.ts'
import { pathOf } from '../../adapters/better-auth/testing/requests.testing.ts'
import { type Act, type Doing, addressIn } from './act.ts'
import type { Mail } from './server.ts'
import { send } from './send.ts'
import { type Seat, type World, mailOf, ownerOfMailbox, proofOf } from './world.ts'

const maybeProof = async (seat: Seat, proof: boolean | undefined): Promise<Record<string, string>> =>
  proof ? proofOf(seat) : {}

/** Anybody can have a magic link sent to anybody. */
const askLink: Doing = async (world, seat, act) =>
  void (await send(world, seat, '/sign-in/magic-link', {
    body: { email: addressIn(world, seat, act) },
    headers: await maybeProof(seat, act.proof),
  }))

const askReset: Doing = async (world, seat, act) =>
  void (await send(world, seat, '/request-password-reset', {
    body: { email: addressIn(world, seat, act), redirectTo: '/' },
  }))

/** Only from inside a session: without one Better Auth waits for half a second. */
const askVerification: Doing = async (world, seat, act) => {
  if (![...seat.cookies.keys()].some((name) => name.endsWith('session_token'))) return
  await send(world, seat, '/send-verification-email', { body: { email: addressIn(world, seat, act) } })
}

const CODE_ROUTES: Readonly<Record<string, string>> = {
  'sign-in': '/sign-in/email-otp',
  'email-verification': '/email-otp/verify-email',
  'forget-password': '/email-otp/reset-password',
}

const askCode: Doing = async (world, seat, act) => {
  const { how: type = 'sign-in' } = act
  await send(world, seat, '/email-otp/send-verification-otp', { body: { email: addressIn(world, seat, act), type } })
}

/** Types a code that one of one's own mailboxes got, for what it was sent. */
const typeCode: Doing = async (world, seat, act) => {
  const mail = unused(world, seat.person.mailboxes, ({ kind }) => kind === 'code').at(-1 - (act.nth ?? 0))
  if (mail) await useCode(world, seat, mail, act.proof)
}

async function useCode(world: World, seat: Seat, mail: Mail, proof: boolean | undefined): Promise<void> {
  const { to: email, code: otp, purpose = '' } = mail
  world.used.add(mail)
  if (purpose === 'change-email')
    return void (await send(world, seat, '/email-otp/change-email', { body: { newEmail: email, otp } }))
  const body = { email, otp, ...(purpose === 'forget-password' && { password: seat.person.password }) }
  await send(world, seat, CODE_ROUTES[purpose]!, { body, headers: await maybeProof(seat, proof) })
}

/** Messages to some mailboxes that were not used, the oldest first. */
function unused({ explored, used }: World, boxes: readonly string[], fits: (mail: Mail) => boolean): Mail[] {
  return explored.mails.filter((mail) => boxes.includes(mail.to) && fits(mail) && !used.has(mail))
}

function ownAddress(world: World, seat: Seat, act: Act): string {
  const address = addressIn(world, seat, act)
  return ownerOfMailbox(world, address) === seat.person.name ? address : seat.person.mailboxes[0]
}

/**
 * Opens a message of one's own mailboxes, or, an honest person, one that Eve passed on: a link to follow as a page, or
 * inside the app by a request that carries the proof and the address that was typed.
 */
const open: Doing = async (world, seat, act) => {
  const { mailboxes } = act.to === 'eve' ? world.people.eve : seat.person
  const mail = unused(world, mailboxes, ({ url }) => url !== undefined).at(-1 - (act.nth ?? 0))
  if (mail) await follow(world, seat, mail, act.how)
}

/** What the person typed: one of their own mailboxes, even if the mail is for another person. */
function expectedBy({ person }: Seat, { to }: Mail): string {
  return person.mailboxes.includes(to) ? to : person.mailboxes[0]
}

/** @param how - `page`, `app`, or `bare`: with the proof, but without naming the expected account */
async function follow(world: World, seat: Seat, mail: Mail, how: string | undefined): Promise<void> {
  world.used.add(mail)
  const isInApp = how === 'app' || how === 'bare'
  const headers = {
    ...(isInApp && (await proofOf(seat))),
    ...(how === 'app' && { [EXPECT_HEADER]: expectedBy(seat, mail) }),
  }
  if (mail.kind !== 'reset') return void (await send(world, seat, pathOf(mail.url!), { headers }))
  const body = { newPassword: seat.person.password, token: mail.token }
  await send(world, seat, '/reset-password', { body, headers: isInApp ? await proofOf(seat) : {} })
}

/** Enters by one's own mailbox, inside the app or beside it. */
const enter: Doing = async (world, seat, act) => {
  const { how, proof } = act
  const email = ownAddress(world, seat, act)
  if (how === 'code') {
    await send(world, seat, '/email-otp/send-verification-otp', { body: { email, type: 'sign-in' } })
    const mail = mailOf(world, email, ({ kind }) => kind === 'code')
    return mail && useCode(world, seat, mail, proof)
  }
  const [path, kind] = how === 'reset' ? ['/request-password-reset', 'reset'] : ['/sign-in/magic-link', 'magic']
  const body = { email, ...(how === 'reset' && { redirectTo: '/' }) }
  await send(world, seat, path, { body, headers: await maybeProof(seat, proof) })
  const mail = mailOf(world, email, (each) => each.kind === kind)
  if (mail) await follow(world, seat, mail, proof ? 'app' : 'page')
}

/** Eve has a magic link sent to herself, and an honest person follows it. */
const lure: Doing = async (world, seat, { how }) => {
  const [email] = world.people.eve.mailboxes
  await send(world, world.seats.eve, '/sign-in/magic-link', { body: { email } })
  await follow(
    world,
    seat,
    mailOf(world, email, ({ kind }) => kind === 'magic')!,
    how,
  )
}

export const MAIL_ACTS: Readonly<Record<string, Doing>> = {
  askLink,
  askReset,
  askVerification,
  askCode,
  typeCode,
  open,
  enter,
  lure,
}
