import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Keyring, currentEntry, parseKeyring } from '../keystore/record.ts'
import type { AuthState } from '../machine/state.ts'
import { manualClock } from '../testing/clock.ts'
import { type MemoryAccountServer, memoryAccountServer } from '../testing/memory-account.ts'
import { type TestBrowser, testBrowser } from './client.testing.ts'
import type { Auth } from './create-auth.ts'

/** What a person, a network and a server can do to one device. */
type Act = 'reload' | 'ensureIdentity' | 'resume' | 'signUp' | 'signIn' | 'signInWrong' | 'answerLost' | 'signOut' | 'forget' | 'write' | 'getToken' | 'offline' | 'online' | 'sessionEnds' | 'sessionPlanted' | 'recoverable' | 'later'

const EXPLICIT: readonly Act[] = ['ensureIdentity', 'resume', 'signUp', 'signIn', 'answerLost', 'signOut', 'forget']

const acts = fc.array(
  fc.constantFrom<Act>('reload', 'ensureIdentity', 'resume', 'signUp', 'signIn', 'signInWrong', 'answerLost', 'signOut', 'forget', 'write', 'getToken', 'offline', 'online', 'sessionEnds', 'sessionPlanted', 'recoverable', 'later'),
  { minLength: 1, maxLength: 30 },
)

interface World {
  readonly server: MemoryAccountServer
  readonly browser: TestBrowser
  auth: Auth
  names: number
  /** Device identities that may not disappear. */
  readonly owned: Set<string>
}

test('whatever happens to a device, nobody is lost, swapped or let in', async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (sequence) => {
      const world = await newWorld()
      for (const act of sequence) await step(world, act)
    }),
    { numRuns: 300 },
  )
})

async function newWorld(): Promise<World> {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
  const browser = testBrowser(server, clock)
  return { server, browser, auth: await browser.load(), names: 0, owned: new Set() }
}

async function step(world: World, act: Act): Promise<void> {
  const before = world.auth.getState()
  const failed = await perform(world, act)
  const after = world.auth.getState()
  const ring = parseKeyring(await world.browser.store.read())!

  if (before.session?.principal !== after.session?.principal || before.authMode !== after.authMode) expect(EXPLICIT).toContain(act)
  if (failed) expect(identityIn(after)).toEqual(identityIn(before))
  if (after.error) expect(after.session).not.toBeNull()
  expect(after.session?.principal).not.toBe('eve')
  expect(after.phase).toBe('ready')
  expect(currentEntry(ring)?.principal).toBe(after.session?.principal)
  expectNobodyLost(world, ring, act, before)
  await expectSameAfterReload(world, after)
}

/** @returns whether an upgrade failed */
async function perform(world: World, act: Act): Promise<boolean> {
  const { auth, browser, server } = world
  const { account } = browser
  const last = `person-${world.names}`
  const upgrade = async (run: () => Promise<unknown>): Promise<boolean> => (await auth.upgrade(run)).outcome === 'failed'
  switch (act) {
    case 'reload': return browser.load().then((loaded) => ((world.auth = loaded), false))
    case 'ensureIdentity': return auth.ensureIdentity().then(() => false)
    case 'resume': return auth.ensureIdentity({ resume: [...world.owned][0] ?? 'none' }).then(() => false, () => true)
    case 'signUp': return upgrade(() => account.signUp(`person-${++world.names}`))
    case 'signIn': return upgrade(() => account.signIn(last))
    case 'signInWrong': return upgrade(() => account.signIn('nobody'))
    case 'answerLost': return upgrade(() => ((account.loseNextAnswer = true), account.signUp(`person-${++world.names}`)))
    case 'signOut': return auth.signOut().then(() => false)
    case 'forget': return auth.signOut({ forget: true }).then(() => false)
    case 'write': return auth.recordWrite().then(() => false)
    case 'getToken': return auth.getToken().then(() => false, () => false)
    case 'offline': return (account.online = false)
    case 'online': return !(account.online = true)
    case 'sessionEnds': return (account.setSession(null), false)
    case 'sessionPlanted': return (account.setSession('eve'), false)
    case 'recoverable': return server.accounts.has(last) && (Object.assign(server.accounts.get(last)!, { recoverable: true }), false)
    case 'later': return (browser.clock.advance(20 * 60_000), false)
  }
}

/** What an upgrade could change. The rest may change at any time: the account server answers when it wants. */
function identityIn({ authMode, phase, session }: AuthState): object {
  return { authMode, phase, principal: session?.principal }
}

/** A device identity leaves the keyring only when that was asked for, or an account brings it back. */
function expectNobodyLost({ owned }: World, ring: Keyring, act: Act, before: AuthState): void {
  const kept = new Set(ring.entries.filter(({ kind }) => kind === 'device').map(({ principal }) => principal))
  const mayGo = act === 'forget' || (act === 'signOut' && before.storage.durability === 'recoverable')
  for (const principal of owned) {
    if (kept.has(principal)) continue
    expect(mayGo).toBe(true)
    expect(principal).toBe(before.session?.principal)
    owned.delete(principal)
  }
  for (const principal of kept) owned.add(principal)
}

async function expectSameAfterReload({ browser }: World, state: AuthState): Promise<void> {
  const reloaded = await browser.load({ account: undefined } as never)
  expect(reloaded.getState().session).toEqual(state.session)
  expect(reloaded.getState().authMode).toBe(state.authMode)
}
