import { EXPECT_HEADER, PROOF_HEADER, type SessionAnswer } from '../../adapters/better-auth/index.ts'
import { AUDIENCE } from '../../adapters/better-auth/testing/server.testing.ts'
import { giveUp } from './account-acts.ts'
import type { Doing } from './act.ts'
import { dumpOf } from './dump.ts'
import { EXCHANGE_AUDIENCE } from './server.ts'
import { accountOf } from './subject.ts'
import { type Answer } from './ask.ts'
import { look, send } from './send.ts'
import { type Seat, type World, sessionOf, ownerOfMailbox, tokenOf } from './world.ts'

async function nonceFor(world: World, seat: Seat, purpose: string): Promise<string | undefined> {
  const { body } = await send(world, seat, '/latchkey/challenge', { body: { purpose } })
  return (body as { nonce?: string } | null)?.nonce
}

/** Asks for the device's principal to become that of the open account. */
export async function bindDevice(world: World, seat: Seat, expect?: string): Promise<Answer | null> {
  const nonce = await nonceFor(world, seat, 'bind')
  if (nonce === undefined) return null
  const proof = await seat.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
  const headers = { [PROOF_HEADER]: proof, ...(expect && { [EXPECT_HEADER]: expect }) }
  return send(world, seat, '/latchkey/bind', { body: { nonce }, headers })
}

/** Asks for the device's principal to become an alias of the account. */
export async function linkDevice(
  world: World,
  seat: Seat,
  { session, expect }: { readonly session: SessionAnswer['session']; readonly expect?: string | undefined },
): Promise<Answer | null> {
  const nonce = session && (await nonceFor(world, seat, 'link'))
  if (!session || !nonce) return null
  const proof = await seat.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo: session.principal })
  const headers = { [PROOF_HEADER]: proof, ...(expect && { [EXPECT_HEADER]: expect }) }
  return send(world, seat, '/latchkey/link', { body: { nonce }, headers })
}

/**
 * Honest people say whom they expect, except where the app showed them an account of their own that they entered
 * themselves; one with another person's address they decline.
 */
async function expectation(world: World, seat: Seat, how: string | undefined): Promise<string | undefined> {
  const { maker } = sessionOf(world, seat) ?? {}
  const account = accountOf(await dumpOf(world), tokenOf(seat) ?? '')
  const shown = ownerOfMailbox(world, String(account?.user['email'])) ?? seat.person.name
  const isOwn = maker === seat.person.name && shown === seat.person.name
  return how === 'expected' || !isOwn ? seat.person.mailboxes[0] : undefined
}

const bind: Doing = async (world, seat, { how }) => {
  if (tokenOf(seat) !== undefined) await bindDevice(world, seat, await expectation(world, seat, how))
}

const link: Doing = async (world, seat, { how }) => {
  if (tokenOf(seat) !== undefined)
    await linkDevice(world, seat, { session: await look(world, seat), expect: await expectation(world, seat, how) })
}

const unlink: Doing = async (world, seat, { nth = 0 }) => {
  const session = tokenOf(seat) === undefined ? null : await look(world, seat)
  const alias = session?.aliases[nth % session.aliases.length]
  const nonce = alias && (await nonceFor(world, seat, 'unlink'))
  if (!alias || !nonce) return
  const { refused } = await send(world, seat, '/latchkey/unlink', { body: { nonce, alias } })
  if (refused) return
  world.told.delete(session!.accountId)
  giveUp(world, seat.person.name, alias, 'unlinked')
}

const exchange: Doing = async (world, seat, { how }) => {
  const isDevice = how === 'device'
  if (!isDevice && tokenOf(seat) === undefined) return
  const subject = isDevice
    ? {
        subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
        subject_token: await seat.device.proof({ audience: AUDIENCE, purpose: 'exchange' }),
      }
    : { subject_token_type: 'urn:latchkey:params:oauth:token-type:session' }
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: EXCHANGE_AUDIENCE,
    ...subject,
  }
  const { body: answer, refused } = await send(world, seat, '/latchkey/token', { body })
  if (refused) return
  const { sub } = claimsOf((answer as { access_token: string }).access_token)
  if (isDevice && sub !== seat.device.principal) world.broken.push(`a device got a token for ${sub}`)
  if (!isDevice) await expectSame(world, seat, sub, 'the exchange')
}

const token: Doing = async (world, seat) => {
  if (tokenOf(seat) === undefined) return
  const { body, refused } = await send(world, seat, '/token')
  if (!refused) await expectSame(world, seat, claimsOf((body as { token: string }).token).sub, 'a token')
}

/** What a token says is what a look at the session says. */
async function expectSame(world: World, seat: Seat, sub: string, what: string): Promise<void> {
  const session = await look(world, seat)
  if (session && session.principal !== sub) world.broken.push(`${what} says ${sub}, the session ${session.principal}`)
}

function claimsOf(jwt: string): { readonly sub: string } {
  return JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString()) as { sub: string }
}

const nameKey: Doing = async (world, seat) => {
  if (tokenOf(seat) === undefined) return
  const body = { thumbprint: seat.device.thumbprint, name: `a device of ${seat.person.name}` }
  await send(world, seat, '/latchkey/keys/name', { body })
}

/** Revokes the key of the device at this seat, or the first one of the list. */
const revokeKey: Doing = async (world, seat, { how }) => {
  if (tokenOf(seat) === undefined) return
  const { body: answer } = await send(world, seat, '/latchkey/keys')
  const { keys = [] } = (answer ?? {}) as { keys?: { thumbprint: string; principal: string }[] }
  const key = how === 'own' ? keys.find(({ thumbprint }) => thumbprint === seat.device.thumbprint) : keys[0]
  if (!key) return
  const { refused } = await send(world, seat, '/latchkey/keys/revoke', { body: { thumbprint: key.thumbprint } })
  if (!refused) giveUp(world, seat.person.name, key.principal, 'revoked')
}

export const BINDING_ACTS: Readonly<Record<string, Doing>> = {
  bind,
  link,
  unlink,
  exchange,
  token,
  nameKey,
  revokeKey,
}
