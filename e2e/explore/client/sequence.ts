import fc from 'fast-check'
import type { TestEnvironment } from '../../../lib/client/faults.testing.ts'
import { stopIfBroken } from '../broken.ts'
import { clearTables } from '../dump.ts'
import type { AccountServer } from './account-server.ts'
import { type Done, perform } from './acts.ts'
import { NETWORK_FAULTS } from './connection.ts'
import { receive } from './data-server.ts'
import { kill } from './device.ts'
import { expectWayOn } from './ending.ts'
import { expectInvariants } from './oracles.ts'
import { essenceIn } from './refused.ts'
import { idle, rest } from './rest.ts'
import { type Step, type StepFault, textOf } from './step.ts'
import { type ClientWorld, newWorld, open, pagesOf } from './world.ts'

const who = fc.constantFrom('ada', 'ada', 'ada', 'bob')
const tab = fc.constantFrom(0, 0, 0, 1, 1, 2, 2)

const fault: fc.Arbitrary<StepFault | undefined> = fc.option(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        in: fc.constant('store' as const),
        is: fc.constantFrom('rejects', 'answerLost', 'dies', 'hangs', 'answersLate'),
        nth: fc.constantFrom(1, 1, 2, 3),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        in: fc.constant('network' as const),
        is: fc.constantFrom(...NETWORK_FAULTS),
        nth: fc.constantFrom(1, 1, 2, 3, 4),
      }),
    },
  ) as fc.Arbitrary<StepFault>,
  { freq: 3, nil: undefined },
)
const pace = fc.constantFrom(undefined, undefined, undefined, 'lasts', 'together')

/** What happens in a tab, with the fields that it reads. */
function step(name: string, fields: object = {}): fc.Arbitrary<Step> {
  return fc.record({ tab, do: fc.constant(name), fault, pace, ...fields }) as unknown as fc.Arbitrary<Step>
}

const opened = fc.constantFrom('app', 'page', 'mail program')

const TABLE: readonly [number, fc.Arbitrary<Step>][] = [
  [4, step('reload', { how: fc.constantFrom(undefined, undefined, 'anonymous', 'hardened') })],
  [2, step('close')],
  [1, step('crash')],
  [3, step('ensureIdentity')],
  [1, step('resume')],
  [8, step('signUp', { who })],
  [8, step('signIn', { who })],
  [1, step('signInWrong', { who })],
  [3, step('askLink', { who })],
  [1, step('askLinkPlanted', { who, how: fc.constantFrom(undefined, 'open') })],
  [4, step('followLink', { who, how: opened })],
  [4, step('verify', { who, how: opened })],
  [1, step('followEves', { how: opened })],
  [2, step('signInOutside', { who })],
  [1, step('signOutOutside')],
  [2, step('plant', { how: fc.constantFrom(undefined, 'open') })],
  [3, step('acceptAccount')],
  [3, step('adopt')],
  [3, step('switch')],
  [1, step('discard')],
  [3, step('cancelUpgrade')],
  [1, step('unlinkAlias')],
  [6, step('signOut')],
  [1, step('forget')],
  [5, step('write')],
  [2, step('markWritten')],
  [1, step('deriveKey')],
  [2, step('getToken')],
  [2, step('freshToken')],
  [1, step('reportToken')],
  [2, step('backUp')],
  [2, step('restore', { who, how: fc.constantFrom(undefined, 'replacing') })],
  [1, step('look')],
  [2, step('revokeSessions', { who })],
  [1, step('deleteAccount', { who })],
  [1, step('clear', { how: fc.constantFrom(undefined, 'record only') })],
  [1, step('clearCookies')],
  [3, step('offline')],
  [3, step('online')],
  [1, step('moveClock', { how: fc.constantFrom('right', 'behind', 'ahead', 'little') })],
  [3, step('wait', { how: fc.constantFrom('seconds', 'seconds', 'minutes', 'hours', 'days') })],
]

const anyStep: fc.Arbitrary<Step> = fc.oneof(...TABLE.map(([weight, arbitrary]) => ({ weight, arbitrary })))

/** How a sequence may begin: what comes then meets an account, a conflict, or a sign-out that is not delivered. */
const BEGINNINGS: readonly (readonly Step[])[] = [
  [],
  [{ tab: 0, do: 'signUp', who: 'ada' }],
  [
    { tab: 0, do: 'signUp', who: 'ada' },
    { tab: 0, do: 'verify', who: 'ada', how: 'app' },
  ],
  [
    { tab: 0, do: 'signUp', who: 'ada' },
    { tab: 2, do: 'write' },
    { tab: 2, do: 'signIn', who: 'ada' },
  ],
  [
    { tab: 0, do: 'signUp', who: 'ada' },
    { tab: 0, do: 'offline' },
    { tab: 0, do: 'signOut' },
    { tab: 0, do: 'ensureIdentity' },
    { tab: 0, do: 'online' },
  ],
]

/** A sequence. */
export function anySequence(longest: number): fc.Arbitrary<Step[]> {
  const steps = fc.array(anyStep, { minLength: 1, maxLength: longest, size: 'max' })
  return fc.tuple(fc.constantFrom(...BEGINNINGS), steps).map((parts) => parts.flat())
}

/** Plays a sequence on an empty database. @throws {BrokenSequence} with what broke, and all that was said */
export async function play(
  explored: AccountServer,
  environment: TestEnvironment,
  steps: readonly Step[],
): Promise<void> {
  const world = await newWorld(explored, environment)
  await clearTables(world)
  receive(world)
  for (const each of world.tabs.slice(1)) await open(world, each).auth.ready
  await idle(world)
  try {
    for (const each of steps) await take(world, each)
    await rest(world)
    await look(world)
    world.log.push('the end')
    await expectWayOn(world)
    stopIfBroken(world)
  } finally {
    for (const { page } of pagesOf(world)) kill(page)
    await idle(world)
  }
}

async function take(world: ClientWorld, each: Step): Promise<void> {
  const tab = world.tabs[each.tab]
  if (each.fault && tab.page) {
    if (each.fault.in === 'store') tab.page.faults.arm(each.fault.is, undefined, each.fault.nth)
    else tab.page.connection.arm(each.fault.is, each.fault.nth)
  }
  const isAlone = world.running.size === 0 && !each.fault && !each.pace
  const before = isAlone ? await essenceIn(tab.device) : ''
  const at = world.log.push(`${tab.name}: ${textOf(each)}`) - 1
  const running = run(world, each, at).finally(() => world.running.delete(running))
  world.running.add(running)
  if (each.pace === 'together') return
  await idle(world)
  if (each.pace === 'lasts') return
  await rest(world)
  // One that never ends is broken already.
  if (isAlone && world.running.size === 0 && (await running)?.isRefused && (await essenceIn(tab.device)) !== before)
    world.broken.push(
      `${textOf(each)} was refused, and changed the record from ${before}\n to ${await essenceIn(tab.device)}`,
    )
  await look(world)
}

async function run(world: ClientWorld, each: Step, at: number): Promise<Done | void> {
  try {
    const done = await perform(world, world.tabs[each.tab], each)
    world.log[at] += ` -> ${done?.text ?? 'nothing'}`
    return done
  } catch (error) {
    world.broken.push(`${textOf(each)} failed: ${String((error as Error).stack)}`)
  }
}

async function look(world: ClientWorld): Promise<void> {
  await expectInvariants(world)
  stopIfBroken(world)
}
