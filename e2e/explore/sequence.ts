import fc from 'fast-check'
import { ACCOUNT_ACTS } from './account-acts.ts'
import { type Act, type Doing, textOf } from './act.ts'
import { BINDING_ACTS } from './binding-acts.ts'
import { stopIfBroken } from './broken.ts'
import { clearTables } from './dump.ts'
import { expectWayOn } from './ending.ts'
import { MAIL_ACTS } from './mail-acts.ts'
import { expectInvariants } from './oracles.ts'
import type { ExploredServer } from './server.ts'
import { SIGN_IN_ACTS } from './sign-in-acts.ts'
import { type World, newWorld } from './world.ts'

const ACTS: Readonly<Record<string, Doing>> = { ...SIGN_IN_ACTS, ...MAIL_ACTS, ...ACCOUNT_ACTS, ...BINDING_ACTS }

const CODES = ['sign-in', 'email-verification', 'forget-password'] as const

const address = fc.constantFrom('ada', 'eve', 'bob', 'ada2', 'eve2', 'bob2').map((to) => to as Act['to'] & string)
/** Mostly Ada's: her mailbox is what it is about; then Eve's own. */
const target = fc.oneof(
  { weight: 8, arbitrary: fc.constant('ada' as const) },
  { weight: 3, arbitrary: fc.constant('eve' as const) },
  { weight: 1, arbitrary: address },
)
const anyone = fc
  .constantFrom('ada', 'ada', 'ada', 'ada', 'eve', 'eve', 'eve', 'eve', 'phone', 'bob')
  .map((at) => at as Act['at'])
const honest = fc.constantFrom('ada', 'ada', 'ada', 'phone').map((at) => at as Act['at'])
const proof = fc.boolean()
const nth = fc.constantFrom(0, 0, 0, 1, 2)

/** An act of anybody's, with the fields that it reads. */
function act(name: string, fields: object = {}, at: fc.Arbitrary<Act['at']> = anyone): fc.Arbitrary<Act> {
  return fc.record({ at, do: fc.constant(name), ...fields }) as fc.Arbitrary<Act>
}

const sometimes = fc.constantFrom(undefined, undefined, undefined, 'anyway')

const TABLE: readonly [number, fc.Arbitrary<Act>][] = [
  [9, act('signUp', { to: target, proof, how: sometimes })],
  [6, act('signIn', { nth, proof })],
  [2, act('signOut')],
  [3, act('oauth', { to: target, proof })],
  [1, act('linkProvider', { to: target })],
  [2, act('phone', { proof, how: fc.constantFrom('update', 'sign-in') })],
  [1, act('wallet', { to: target, proof })],
  [1, act('anonymous', { proof })],
  [2, act('plant', { proof }, honest)],
  [2, act('lure', { how: fc.constantFrom('page', 'app', 'bare') }, honest)],
  [4, act('look', { how: fc.constantFrom('look', 'look', 'peek') })],
  [1, act('look', {}, fc.constant('mailer'))],
  [3, act('askLink', { to: target, proof })],
  [2, act('askReset', { to: target })],
  [2, act('askVerification', { to: target })],
  [2, act('askCode', { to: target, how: fc.constantFrom(...CODES) })],
  [5, act('typeCode', { nth, proof })],
  [14, act('open', { nth, how: fc.constantFrom('page', 'page', 'app', 'app', 'bare') })],
  [2, act('open', { to: fc.constant('eve'), nth, how: fc.constantFrom('page', 'app', 'bare') }, honest)],
  [3, act('open', { nth, how: fc.constant('page') }, fc.constant('mailer'))],
  [6, act('enter', { to: target, proof, how: fc.constantFrom('link', 'link', 'code', 'reset') })],
  [6, act('changeEmail', { to: fc.oneof(target, address), how: fc.constantFrom('link', 'link', 'code') })],
  [1, act('changePassword')],
  [1, act('revokeOthers')],
  [1, act('unlinkProvider')],
  [1, act('twoFactor')],
  [1, act('apiKey')],
  [1, act('updateUser', { proof })],
  [1, act('deleteUser')],
  [2, act('wait', { nth: fc.constantFrom(0, 1, 2, 3, 4) })],
  [4, act('bind', { how: fc.constantFrom('expected', 'shown') })],
  [4, act('link', { how: fc.constantFrom('expected', 'shown') })],
  [1, act('unlink', { nth: fc.constantFrom(0, 1) })],
  [1, act('exchange', { how: fc.constantFrom('device', 'session') })],
  [1, act('token')],
  [1, act('nameKey')],
  [1, act('revokeKey', { how: fc.constantFrom('own', 'first') })],
]

/** What a person does. */
const anyAct: fc.Arbitrary<Act> = fc.oneof(...TABLE.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const change = fc.constantFrom(1, 1, 2, 2, 3, 4, 5, 6)

/** Now and then the server dies in the middle of an act, or does the next act there. */
const anyMoment: fc.Arbitrary<Pick<Act, 'dies' | 'yields'>> = fc.oneof(
  { weight: 14, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ dies: change }) },
  { weight: 1, arbitrary: fc.record({ yields: change }) },
)

/** A sequence. */
export function anySequence(longest: number): fc.Arbitrary<Act[]> {
  const each = fc.tuple(anyAct, anyMoment).map(([made, moment]) => ({ ...made, ...moment }))
  return fc.array(each, { minLength: 1, maxLength: longest, size: 'max' })
}

/** Plays a sequence on an empty database. @throws {BrokenSequence} with what broke, and all that was said */
export async function play(explored: ExploredServer, acts: readonly Act[]): Promise<void> {
  const world = await newWorld(explored)
  await clearTables(world)
  const left = [...acts]
  for (let each = left.shift(); each; each = left.shift()) {
    if (!(await take(world, each, left))) continue
    await expectInvariants(world)
    stopIfBroken(world)
  }
  world.log.push('the end')
  await expectWayOn(world)
  await expectInvariants(world)
  stopIfBroken(world)
}

/** @param left - the acts that follow: the next one may be done in the middle. @returns false if nothing was done */
async function take(world: World, each: Act, left: Act[]): Promise<boolean> {
  const { moments } = world.explored
  world.log.push(textOf(each))
  const said = world.log.length
  if (each.dies !== undefined) moments.arm({ nth: each.dies, what: 'dies' })
  if (each.yields !== undefined) moments.arm({ nth: each.yields, what: () => meanwhile(world, left) })
  await ACTS[each.do]!(world, world.seats[each.at], each)
  moments.clear()
  world.isInterrupted = false
  if (world.log.length === said) return false
  world.acted.add(each.at)
  if (each.to?.startsWith('bob')) world.acted.add('bob')
  return true
}

async function meanwhile(world: World, left: Act[]): Promise<void> {
  const next = left.shift()
  if (!next) return
  world.isInterrupted = true
  const { dies: _, yields: __, ...whole } = next
  world.log.push('      in the middle of it:')
  await take(world, whole, left)
  world.isInterrupted = true
}
