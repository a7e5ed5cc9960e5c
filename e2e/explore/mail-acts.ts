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

/** Types a code of one's own mailbox. */
const typeCode: Doing = async (world, seat, act) => {
  const { how = 'sign-in', proof } = act
  const email = ownAddress(world, seat, act)
  const found = mailOf(world, email, ({ kind, purpose }) => kind === 'code' && purpose === how)
  if (!found) return
  const body = { email, otp: found.code, ...(how === 'forget-password' && { password: seat.person.password }) }
  await send(world, seat, CODE_ROUTES[how]!, { body, headers: await maybeProof(seat, proof) })
}

function ownAddress(world: World, seat: Seat, act: Act): string {
  const address = addressIn(world, seat, act)
  return ownerOfMailbox(world, address) === seat.person.name ? address : seat.person.mailboxes[0]
}

/**
 * Opens a message of one's own mailbox, or, an honest person, one that Eve passed on: a link to follow as a page, or
 * inside the app by a request that carries the proof and the address that was typed.
 */
const open: Doing = async (world, seat, act) => {
  const isLured = act.to?.startsWith('eve') === true && seat.person.name !== 'eve'
  const box = isLured ? world.people.eve.mailboxes[act.to!.endsWith('2') ? 1 : 0] : ownAddress(world, seat, act)
  const mail = mailOf(world, box, ({ url }) => url !== undefined, act.nth ?? 0)
  if (!mail) return
  await follow(world, seat, mail, act.how)
}

/** What the person typed: one of their own mailboxes, whoever's mail it is. */
function expectedBy({ person }: Seat, { to }: Mail): string {
  return person.mailboxes.includes(to) ? to : person.mailboxes[0]
}

/** @param how - `page`, `app`, or `bare`: with the proof, but without a word about whose account it is to be */
async function follow(world: World, seat: Seat, mail: Mail, how: string | undefined): Promise<void> {
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
    return typeCode(world, seat, { ...act, how: 'sign-in' })
  }
  const [path, kind] = how === 'reset' ? ['/request-password-reset', 'reset'] : ['/sign-in/magic-link', 'magic']
  const body = { email, ...(how === 'reset' && { redirectTo: '/' }) }
  await send(world, seat, path, { body, headers: await maybeProof(seat, proof) })
  const mail = mailOf(world, email, (each) => each.kind === kind)
  if (mail) await follow(world, seat, mail, proof ? 'app' : 'page')
}

export const MAIL_ACTS: Readonly<Record<string, Doing>> = {
  askLink,
  askReset,
  askVerification,
  askCode,
  typeCode,
  open,
  enter,
}
