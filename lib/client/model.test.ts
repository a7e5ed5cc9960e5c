import { SEED, fc } from '../seeded.testing.ts'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSecret, formatSecret } from '../identity/secret.ts'
import type { Keyring } from '../keystore/record.ts'
import { currentEntry, parseKeyring } from '../keystore/keyring.ts'
import type { RecordStore } from '../keystore/store.ts'
import { testDevice } from '../testing/device.ts'
import type { Fault } from '../testing/faulty-store.ts'
import { readPayload } from './client.testing.ts'
import {
  type FaultyDevice,
  type FaultyPage,
  type TestEnvironment,
  brokenIn,
  devicesIn,
  essenceOf,
  faultyDevice,
  openPage,
  testEnvironment,
} from './faults.testing.ts'
import { type Doing, type RecordRules, recordRules } from './model.testing.ts'
import type { AuthOptions } from './auth.ts'

/** What a person, an app, a network, a browser and a server can do to one device. */
const ACTS = [
  'reload',
  'reloadHardened',
  'reloadAnonymous',
  'crash',
  'ensureIdentity',
  'resume',
  'signUp',
  'signIn',
  'signInFirst',
  'signInWrong',
  'signOut',
  'forget',
  'write',
  'fetchWrite',
  'deriveKey',
  'getToken',
  'freshToken',
  'refuseToken',
  'backup',
  'import',
  'importReplacing',
  'importOwn',
  'look',
  'askForLink',
  'followLink',
  'cancelUpgrade',
  'takeWaiting',
  'adopt',
  'switchTo',
  'discard',
  'cancelConflict',
  'unlinkAlias',
  'offline',
  'online',
  'answerLost',
  'sessionEnds',
  'sessionPlanted',
  'recoverable',
  'notRecoverable',
  'hourBack',
  'hourOn',
  'later',
  'patience',
  'vanish',
  'vanishWithTrace',
  'over',
] as const
type Act = (typeof ACTS)[number]

/** The acts that may change the current identity. */
const EXPLICIT: ReadonlySet<Act> = new Set([
  'ensureIdentity',
  'resume',
  'signUp',
  'signIn',
  'signInFirst',
  'askForLink',
  'followLink',
  'takeWaiting',
  'adopt',
  'switchTo',
  'discard',
  'signOut',
  'forget',
  'import',
  'importReplacing',
  'vanish',
  'vanishWithTrace',
])

interface Step {
  readonly tab: 0 | 1
  readonly act: Act
  readonly fault: { readonly fault: Fault; readonly operation: string | undefined; readonly nth: number } | null
  /**
   * `waits`: until it is done. `lasts`: what it waits for goes on into the next steps. `together`: at once with the
   * next step.
   */
  readonly pace: 'waits' | 'lasts' | 'together'
}

const step: fc.Arbitrary<Step> = fc.record({
  tab: fc.constantFrom(0, 1),
  act: fc.constantFrom(...ACTS),
  fault: fc.option(
    fc.record({
      fault: fc.constantFrom<Fault>('rejects', 'answerLost', 'dies', 'hangs', 'answersLate'),
      operation: fc.constantFrom(undefined, undefined, 'read', 'update', 'update', 'getSession', 'signOut'),
      nth: fc.constantFrom(1, 1, 1, 2, 2, 3),
    }),
    { freq: 3 },
  ),
  pace: fc.constantFrom('waits', 'waits', 'lasts', 'together'),
})

/** One page after the other. */
interface Tab {
  page: FaultyPage
  doing: Doing & { readonly acts: string[] }
}

interface World {
  readonly device: FaultyDevice
  readonly rules: RecordRules
  readonly tabs: [Tab, Tab]
  readonly secrets: readonly string[]
  readonly importable: ReadonlySet<string>
  readonly running: Set<Promise<unknown>>
  /** Explicit acts since the last time that everything was at rest. */
  readonly explicit: Set<Act>
  /** Ids of sessions that the account server has said to have ended. */
  readonly ended: Set<string>
  /** A fault struck since then. */
  isFaulty: boolean
  names: number
  /** There was no record since the last time that everything was at rest. */
  isNew: boolean
  /** The record of the last restart. */
  restarted: string
}

const RUNS = Number(process.env['LATCHKEY_STRESS'] ?? 0) || 200
const counts = { runs: 0, steps: 0, faults: 0, restarts: 0, rests: 0 }
const imported = await Promise.all(Array.from({ length: 2 }, () => testDevice(formatSecret(createSecret()))))
let environment: TestEnvironment

beforeEach(() => {
  environment = testEnvironment()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  environment.end()
})
afterAll(() =>
  console.warn(
    `model: seed ${SEED}, ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ),
)

test('whatever happens to a device with two tabs, no identity is lost, duplicated or swapped, and no stranger is let in (checklist 30: no identity is lost or duplicated)', async () => {
  const sequences = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' })
  await fc.assert(
    fc.asyncProperty(sequences, fc.boolean(), async (sequence, hasLocks) => {
      environment.end()
      environment = testEnvironment({ hasLocks })
      counts.runs++
      const world = await newWorld()
      for (const next of sequence) await take(world, next)
      await rest(world)
      for (const { page } of world.tabs) page.auth.close()
      await idle(world)
      expect(environment.unhandled).toEqual([])
    }),
    {
      numRuns: RUNS,
      seed: SEED,
      ...(process.env['LATCHKEY_PATH'] !== undefined && { path: process.env['LATCHKEY_PATH'] }),
    },
  )
})

async function newWorld(): Promise<World> {
  const device = await faultyDevice()
  device.server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
  const world = {
    device,
    rules: recordRules(),
    tabs: [] as unknown as [Tab, Tab],
    secrets: imported.map(({ secret }) => secret),
    importable: new Set(imported.map(({ principal }) => principal)),
    running: new Set<Promise<unknown>>(),
    explicit: new Set<Act>(),
    ended: new Set<string>(),
    isFaulty: false,
    isNew: false,
    names: 0,
    restarted: '',
  }
  for (const index of [0, 1]) {
    world.tabs[index] = load(world, {})
    await world.tabs[index].page.auth.ready
  }
  await idle(world)
  return world
}

const idle = ({ tabs }: World): Promise<void> => environment.idle(...tabs.map(({ page }) => page.faults))

/** The device's store as one tab sees it, with the rules checked at each change. */
function watchedStore(world: World, doing: Doing): RecordStore {
  const { device, rules, importable } = world
  return {
    ...device.store,
    update: (updater) =>
      device.store.update((found) => {
        const next = updater(found)
        const heard = device.account.calls.filter((call) => call === 'signOut').length
        const asked = device.account.calls.filter((call) => call === 'getSession').length
        const session = device.server.accounts.get(device.account.session ?? '')?.accountId
        rules.observe(
          doing,
          {
            isTraced: device.store.trace!.found(),
            importable,
            heard,
            asked,
            isNew: world.isNew,
            session,
            isEnded: (sessionId) => world.ended.has(sessionId),
            isEves: (accountId) => accountId === 'eve',
            hasVerified: (accountId, identifier) => identifier === `${accountId}@example.com`,
          },
          parseKeyring(found),
          parseKeyring(next),
        )
        return next
      }),
  }
}

function load(world: World, options: AuthOptions): Tab {
  const acts = ['start']
  const doing = { acts, isHardened: options.harden === 'always' }
  const page = openPage({ ...world.device, store: watchedStore(world, doing) }, options)
  const { provider } = page.account
  const { isEnded } = provider
  provider.isEnded = async (sessionId, given) => {
    const answer = await isEnded!(sessionId, given)
    if (answer) world.ended.add(sessionId)
    return answer
  }
  void page.auth.ready.then(() => acts.splice(acts.indexOf('start'), 1))
  return { page, doing }
}

async function reload(world: World, tab: Tab, fault: Step['fault'], options: AuthOptions): Promise<void> {
  // What the page before was doing ends with it.
  tab.page.faults.die()
  tab.page.faults.recover()
  tab.page.auth.close()
  Object.assign(tab, load(world, options))
  if (fault) tab.page.faults.arm(fault.fault, fault.operation, fault.nth)
  await tab.page.auth.ready
}

async function take(world: World, { tab: index, act, fault, pace }: Step): Promise<void> {
  const tab = world.tabs[index]
  counts.steps++
  if (EXPLICIT.has(act)) world.explicit.add(act)
  world.device.clock.advance(1)
  noteFaults(world, tab)
  if (fault) tab.page.faults.arm(fault.fault, fault.operation, fault.nth)
  const running = perform(world, tab, act, fault).finally(() => world.running.delete(running))
  world.running.add(running)
  if (pace === 'together') return
  await idle(world)
  if (pace === 'waits') await rest(world)
}

function noteFaults(world: World, { page }: Tab): void {
  if (!page.faults.struck) return
  world.isFaulty = true
  counts.faults++
}

/** Lets everything come to an end, and looks at what is there. */
async function rest(world: World): Promise<void> {
  await idle(world)
  for (const tab of world.tabs) {
    noteFaults(world, tab)
    tab.page.faults.recover()
    tab.page.faults.disarm()
  }
  await idle(world)
  for (let waits = 0; world.running.size > 0 && waits < 3; waits++) {
    vi.advanceTimersByTime(10_000)
    await idle(world)
  }
  expect(world.running.size, 'acts that never end').toBe(0)
  for (const tab of world.tabs) {
    if (tab.page.faults.dead) await reload(world, tab, null, {})
  }
  await idle(world)
  await look(world)
}

async function look(world: World): Promise<void> {
  const { device, rules, tabs } = world
  counts.rests++
  expect(rules.violations).toEqual([])
  const keyring = await device.keyring()
  expect(await brokenIn(keyring)).toEqual([])
  for (const { page } of tabs) {
    // A page that could not read what another one wrote reads again when it comes to the front.
    if (world.isFaulty) await page.auth.listIdentities().catch(() => {})
    const { phase, session, error, storage } = page.auth.getState()
    expect(['ready', 'pending', 'conflict']).toContain(phase)
    if (error) expect(session).not.toBeNull()
    expect(session?.principal).not.toBe('eve')
    if (keyring && !storage.problem)
      expect(session?.principal, 'a page shows the current identity').toBe(currentEntry(keyring)?.principal)
  }
  await idle(world)
  world.explicit.clear()
  world.isFaulty = false
  world.isNew &&= keyring === null
  await expectSameAfterRestart(world, keyring)
}

async function expectSameAfterRestart(world: World, keyring: Keyring | null): Promise<void> {
  const { device } = world
  const essence = essenceOf(keyring, devicesIn(keyring))
  if (!keyring || essence === world.restarted) return
  world.restarted = essence
  counts.restarts++
  const { channel: _, ...store } = watchedStore(world, { acts: ['start'], isHardened: false })
  const page = openPage({ ...device, store }, {
    account: undefined,
    harden: 'never',
  } as unknown as AuthOptions)
  await page.auth.ready
  await environment.idle(page.faults)
  const { session, authMode } = page.auth.getState()
  const entry = currentEntry(keyring)
  expect(session?.principal).toBe(entry?.principal)
  expect(authMode).toBe(!entry ? 'anonymous' : entry.kind === 'device' ? 'local-first' : 'external')
  page.auth.close()
  await environment.idle(page.faults)
}

async function perform(world: World, tab: Tab, act: Act, fault: Step['fault']): Promise<void> {
  const { device, secrets } = world
  const {
    page: { auth, account, faults },
    doing: { acts },
  } = tab
  const last = `person-${world.names}`
  const during = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    acts.push(name)
    await work().catch(() => {})
    acts.splice(acts.indexOf(name), 1)
  }
  const upgrade = (run: () => Promise<unknown>): Promise<void> => during('upgrade', () => auth.upgrade(run))
  // A user does not take a stranger's account for their own once they see whose it is.
  const resolve = async (decision: 'adopt' | 'switch' | 'discard'): Promise<void> =>
    auth.getState().upgrade?.conflict?.account.accountId === 'eve'
      ? undefined
      : during(decision, () => auth.resolveConflict(decision, { force: true }))
  const token = async (fresh: boolean): Promise<void> => {
    const given = await auth.getToken({ fresh }).catch(() => null)
    if (given !== null) expect(readPayload(given)['sub']).toBe(auth.getState().session?.principal)
  }
  switch (act) {
    case 'reload':
      return reload(world, tab, fault, {})
    case 'reloadHardened':
      return reload(world, tab, fault, { harden: 'always' })
    case 'reloadAnonymous':
      return reload(world, tab, fault, { initialMode: 'anonymous' })
    case 'crash':
      return faults.die()
    case 'ensureIdentity':
      return during('ensureIdentity', () => auth.ensureIdentity())
    case 'resume':
      return during('resume', async () =>
        auth.ensureIdentity({ resume: (await auth.listIdentities())[0]?.principal ?? 'none' }),
      )
    case 'signUp':
      return upgrade(() => account.signUp(`person-${++world.names}`))
    case 'signIn':
      return upgrade(() => account.signIn(last))
    case 'signInFirst':
      return upgrade(() => account.signIn('person-1'))
    case 'signInWrong':
      return upgrade(() => account.signIn('nobody'))
    case 'signOut':
      return during('signOut', () => auth.signOut())
    case 'forget':
      return during('forget', () => auth.signOut({ forget: true }))
    case 'write':
      return during('write', () => auth.markWritten())
    case 'fetchWrite':
      return during('write', () => auth.fetch('https://app.example/', { method: 'POST' }))
    case 'deriveKey':
      return during('deriveKey', () => auth.deriveKey('notes'))
    case 'getToken':
      return token(false)
    case 'freshToken':
      return token(true)
    case 'refuseToken':
      return auth.reportToken('expired')
    case 'backup':
      return during('backup', async () => auth.confirmBackup(await auth.exportSecret()))
    case 'import':
      return during('import', () => auth.importSecret(secrets[0]!))
    case 'importReplacing':
      return during('import', () => auth.importSecret(secrets[1]!, { replace: true }))
    case 'importOwn':
      return during('import', async () => auth.importSecret(await auth.exportSecret()))
    case 'look':
      return during('look', () => auth.listIdentities())
    case 'askForLink':
      return upgrade(() => account.requestLink(`${last}@example.com`))
    case 'followLink':
      return followLink(world, last)
    case 'cancelUpgrade':
      return during('cancelUpgrade', () => auth.cancelUpgrade())
    // A user who sees whose account it is takes only their own.
    case 'takeWaiting':
      return auth.getState().upgrade?.account?.accountId === 'eve'
        ? undefined
        : during('upgrade', () => auth.acceptAccount())
    case 'adopt':
      return resolve('adopt')
    case 'switchTo':
      return resolve('switch')
    case 'discard':
      return resolve('discard')
    case 'cancelConflict':
      return auth.getState().upgrade?.conflict?.account.accountId === 'eve'
        ? undefined
        : during('cancelUpgrade', () => auth.cancelUpgrade())
    case 'unlinkAlias':
      return during('unlinkAlias', async () => auth.unlinkAlias(auth.getState().session?.principals[1] ?? 'none'))
    case 'offline':
      return void (device.account.online = false)
    case 'online':
      return void (device.account.online = true)
    case 'answerLost':
      return void (device.account.loseNextAnswer = true)
    case 'sessionEnds':
      return device.account.setSession(null)
    case 'sessionPlanted':
      return world.isNew ? undefined : device.account.setSession('eve')
    case 'recoverable':
      return void Object.assign(device.server.accounts.get(last) ?? {}, { recoverable: true })
    case 'notRecoverable':
      return void Object.assign(device.server.accounts.get(last) ?? {}, { recoverable: false })
    case 'hourBack':
      return device.clock.advance(-3_600_000)
    case 'hourOn':
      return device.clock.advance(3_600_000)
    case 'later':
      return [device.clock, device.serverClock].forEach((clock) => clock.advance(20 * 60_000))
    case 'patience':
      return void vi.advanceTimersByTime(10_000)
    case 'vanish':
      return vanish(world, false)
    case 'vanishWithTrace':
      return vanish(world, true)
    case 'over':
      return faults.recover()
  }
}

/** The link of a mail: the account is there from then on, and so is its session. */
function followLink({ device: { server, account } }: World, name: string): void {
  if (!server.accounts.has(name))
    server.accounts.set(name, {
      accountId: name,
      principal: name,
      aliases: [],
      recoverable: true,
      claims: {},
      open: true,
      identifiers: [`${name}@example.com`],
    })
  account.setSession(name)
}

function vanish(world: World, keepsTrace: boolean): void {
  const { device, rules } = world
  device.clear(keepsTrace)
  // The day it is installed an existing session is taken, even another user's; clearing a site's data takes its cookies
  // too.
  world.isNew ||= !keepsTrace
  if (!keepsTrace) device.account.setSession(null)
  rules.vanished(device.store.trace!.found())
}
