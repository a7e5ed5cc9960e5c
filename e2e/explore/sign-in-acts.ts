import { type Doing, addressIn } from './act.ts'
import { dumpOf } from './dump.ts'
import { type Profile, codeFor, signedMessage } from './server.ts'
import { look, send } from './send.ts'
import { type Seat, type World, mailOf, proofOf, tokenOf } from './world.ts'

const maybeProof = async (seat: Seat, proof: boolean | undefined): Promise<Record<string, string>> =>
  proof ? proofOf(seat) : {}

const signUp: Doing = async (world, seat, act) => {
  const { name, password } = seat.person
  const body = { email: addressIn(world, seat, act), password, name }
  const isThere = (await dumpOf(world))['user']!.some(({ email }) => email === body.email)
  if (isThere && act.how !== 'anyway') return
  await send(world, seat, '/sign-up/email', { body, headers: await maybeProof(seat, act.proof) })
}

/** By one's own password, to one of the accounts that have it. */
const signIn: Doing = async (world, seat, act) => {
  const { password } = seat.person
  const dump = await dumpOf(world)
  const owners = dump['account']!.filter((row) => row['password'] === password).map(({ userId }) => userId)
  const users = dump['user']!.filter(({ id }) => owners.includes(id))
  const email = users.at((act.nth ?? 0) % Math.max(users.length, 1))?.['email']
  if (email === undefined) return
  const body = { email, password }
  const { body: answer } = await send(world, seat, '/sign-in/email', {
    body,
    headers: await maybeProof(seat, act.proof),
  })
  const code = seat.person.backupCodes.at(-1)
  if ((answer as { twoFactorRedirect?: boolean }).twoFactorRedirect !== true || !code) return
  const used = await send(world, seat, '/two-factor/verify-backup-code', {
    body: { code },
    headers: await maybeProof(seat, act.proof),
  })
  if (!used.refused) seat.person.backupCodes.pop()
}

const signOut: Doing = async (world, seat) => {
  if (tokenOf(seat) !== undefined) await send(world, seat, '/sign-out', { body: {} })
}

/** Through the provider, at which everybody is who they are; Eve may claim any address there, unverified. */
const oauth: Doing = async (world, seat, act) => {
  const email = addressIn(world, seat, act)
  await throughProvider(world, seat, '/sign-in/social', email, await maybeProof(seat, act.proof))
}

const linkProvider: Doing = async (world, seat, act) => {
  if (tokenOf(seat) !== undefined) await throughProvider(world, seat, '/link-social', addressIn(world, seat, act), {})
}

/** Goes to the provider and comes back. */
export async function throughProvider(
  world: World,
  seat: Seat,
  path: string,
  email: string,
  headers: Record<string, string>,
): Promise<void> {
  const body = { provider: 'local', callbackURL: '/home', errorCallbackURL: '/failed' }
  const started = await send(world, seat, path, { body, headers })
  const { url } = (started.body ?? {}) as { url?: string }
  if (started.refused || !url) return
  const profile: Profile = {
    sub: seat.person.name,
    email,
    emailVerified: seat.person.mailboxes.includes(email),
  }
  const state = new URL(url).searchParams.get('state')
  await send(world, seat, `/callback/local?code=${codeFor(profile)}&state=${state}`)
}

/** By a code that the person's own phone gets; with a session it becomes that account's number. */
const phone: Doing = async (world, seat, { proof, how }) => {
  const { phone: phoneNumber } = seat.person
  if (how === 'update' && tokenOf(seat) === undefined) return
  await send(world, seat, '/phone-number/send-otp', { body: { phoneNumber } })
  const code = mailOf(world, phoneNumber, ({ kind }) => kind === 'phone')?.code
  const body = { phoneNumber, code, ...(how === 'update' && { updatePhoneNumber: true }) }
  await send(world, seat, '/phone-number/verify', { body, headers: await maybeProof(seat, proof) })
}

/** With a wallet; Eve may name any address. */
const wallet: Doing = async (world, seat, act) => {
  const { body } = await send(world, seat, '/siwe/nonce', { body: {} })
  await send(world, seat, '/siwe/verify', {
    body: { ...signedMessage(seat.person, (body as { nonce: string }).nonce), email: addressIn(world, seat, act) },
    headers: await maybeProof(seat, act.proof),
  })
}

const anonymous: Doing = async (world, seat, { proof }) =>
  void (await send(world, seat, '/sign-in/anonymous', { body: {}, headers: await maybeProof(seat, proof) }))

/** Eve's session, by a one-time token of hers, in an honest person's browser. */
const plant: Doing = async (world, seat, { proof }) => {
  if (seat.person.name === 'eve' || tokenOf(world.seats.eve) === undefined) return
  const { body } = await send(world, world.seats.eve, '/one-time-token/generate')
  const { token } = (body ?? {}) as { token?: string }
  if (!token) return
  await send(world, seat, '/one-time-token/verify', { body: { token }, headers: await maybeProof(seat, proof) })
}

const lookAct: Doing = async (world, seat, { how }) => {
  if (tokenOf(seat) !== undefined) await look(world, seat, how === 'peek')
}

export const SIGN_IN_ACTS: Readonly<Record<string, Doing>> = {
  signUp,
  signIn,
  signOut,
  oauth,
  linkProvider,
  phone,
  wallet,
  anonymous,
  plant,
  look: lookAct,
}
