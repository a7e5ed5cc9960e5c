import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Deed, type Scenario, type World, callOf, prepare, scenarios } from '../testing/adoption.testing.ts'
import { STALLS } from '../testing/adoption-stalls.testing.ts'
import { type Standing, type State, addedActs, readState } from '../testing/adoption-state.testing.ts'
import type { SessionAnswer } from '../index.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { PLACES } from '../testing/process.testing.ts'
import {
  type Arena,
  type Outcome,
  PROCESSES,
  RACE_TIMEOUT_MS,
  ROUNDS,
  type Schedule,
  type Tally,
  count,
  openArena,
  randomly,
  rounds,
  stalling,
} from '../testing/race.testing.ts'
import { type Person, codeOf, cookieOf } from '../testing/requests.testing.ts'
import { person } from '../testing/server.testing.ts'

/** The same scenarios every time, unless a campaign wants others. */
const SEED =
  Number(process.env['LATCHKEY_SEED'] ?? 0) ||
  (process.env['LATCHKEY_ROUNDS'] ? Math.floor(Math.random() * 2 ** 31) : 20_261_122)

const DAY = 86_400_000

/**
 * What a request may be refused with. The last ones of sign-ups, resets and deletions are Better Auth's, where a file
 * is locked or the user gone.
 */
const REFUSALS: Record<Deed['kind'], readonly string[]> = {
  link: [
    'PRINCIPAL_TAKEN',
    'PROOF_LINK_MISMATCH',
    'PROOF_KEY_REVOKED',
    'ACCOUNT_OPEN',
    'LINK_FORBIDDEN',
    'UNAUTHORIZED',
  ],
  unlink: ['ALIAS_UNKNOWN', 'LINK_FORBIDDEN', 'UNAUTHORIZED'],
  bind: ['PRINCIPAL_TAKEN', 'PRINCIPAL_FIXED', 'PROOF_KEY_REVOKED', 'ACCOUNT_HANDED_OVER', 'UNAUTHORIZED'],
  'sign-up': ['PRINCIPAL_TAKEN', 'PROOF_KEY_REVOKED', 'FAILED_TO_CREATE_USER'],
  reset: ['USER_NOT_FOUND', 'HTTP 500'],
  remove: ['UNAUTHORIZED', 'CREDENTIAL_ACCOUNT_NOT_FOUND'],
  look: [],
}

/** A race that is over. */
interface Aftermath {
  readonly world: World
  readonly before: State
  readonly after: State
  readonly outcomes: readonly Outcome[]
  /** How many statements each call sent, where they were counted. */
  readonly steps: readonly number[]
  /** Everybody who still has an account, and what all servers say of it. */
  readonly looks: readonly Look[]
}

interface Look {
  readonly one: Person
  readonly session: NonNullable<SessionAnswer['session']>
}

describe.each(Object.entries(PLACES))(
  'several processes on %s adopt and undo',
  { timeout: RACE_TIMEOUT_MS },
  (where, open) => {
    let arena: Arena
    let failing = ''

    beforeAll(async () => {
      arena = await openArena(await open())
    })

    afterEach(() => {
      if (failing) console.warn(failing)
    })

    afterAll(() => arena.close())

    /** One look each heals what was left; from then on all processes and all tokens say the same. */
    async function lookEverywhere(people: readonly Person[]): Promise<Look[]> {
      const sessions = await Promise.all(people.map((one) => one.session()))
      const looks = people.flatMap((one, index) => (sessions[index] ? [{ one, session: sessions[index] }] : []))
      const calls = looks.flatMap(({ one }) =>
        ['/latchkey/session', '/token'].map((path) => ({ path, headers: cookieOf(one) })),
      )
      for (const { path, index, answer } of await arena.askEach(calls)) {
        const { session } = looks[Math.trunc(index / 2)]!
        if (path === '/token')
          expect(decodeJwt((answer as { token: string }).token)).toMatchObject({
            sub: session.principal,
            aliases: session.aliases,
          })
        else expect((answer as SessionAnswer).session).toEqual(session)
      }
      return looks
    }

    async function run(scenario: Scenario, name: string, tally: Tally, schedule: Schedule | null): Promise<Aftermath> {
      const { server } = arena
      const world = await prepare(server, scenario, name)
      const before = await readState(server, world)
      const calls = await Promise.all(world.deeds.map(callOf))
      const { outcomes, steps } = schedule
        ? await arena.interleave(calls, schedule)
        : { outcomes: await arena.race(calls), steps: [] }
      count(tally, outcomes, ({ code }, index) => `${world.deeds[index]!.kind} ${code}`)
      const made = await Promise.all(
        doneDeeds({ world, outcomes }, 'sign-up').map(({ email }) => elsewhere(server, { ...person('new'), email })),
      )
      const looks = await lookEverywhere([...world.accounts.map(({ one }) => one), ...made])
      return { world, before, after: await readState(server, world), outcomes, steps, looks }
    }

    test("links, undos, binds, sign-ups, resets and deletions at one moment: each principal is one account's at most, and all say the same", async () => {
      console.warn(`adoptions on ${where}: seed ${SEED}`)
      const list = scenarios(SEED, ROUNDS, Math.max(6, PROCESSES))
      await rounds('adoptions', where, async (round, tally) => {
        const { order } = list[round]!
        await check(list[round]!, `adopt-${round}`, tally, order && where === 'Postgres' ? randomly(order) : null)
      })
    })

    test.each(where === 'Postgres' ? Object.entries(STALLS) : [])('%s', async (name, scenario) => {
      const tally: Tally = { codes: {}, overlapping: 0 }
      let stop = 0
      for (let isOver = false; !isOver; stop++)
        isOver = stop >= (await check(scenario, `${name.replaceAll(/\W+/g, '-')}-${stop}`, tally, stalling(stop)))[0]!
      console.warn(
        `${name}: it stalls before each of ${stop - 1} statements and after the last: ${JSON.stringify(tally.codes)}`,
      )
    })

    /** @returns how many statements each call sent, where they were counted */
    async function check(
      scenario: Scenario,
      name: string,
      tally: Tally,
      schedule: Schedule | null,
    ): Promise<readonly number[]> {
      failing = `${name} of seed ${SEED}: ${JSON.stringify(scenario)}`
      const aftermath = await run(scenario, name, tally, schedule)
      failing += `\n${aftermath.outcomes.map(({ code }, index) => describeDeed(aftermath, index, code)).join('\n')}`
      expectKnownRefusals(aftermath)
      expectOneHolder(aftermath)
      expectFixedPrincipals(aftermath)
      for (const device of aftermath.world.devices) expectExplained(aftermath, device.principal)
      expectRecords(aftermath)
      await expectHolds(aftermath)
      failing = ''
      return aftermath.steps
    }

    /** What was given up is its account's for thirty days, and no other's. */
    async function expectHolds({ world, after, looks }: Aftermath): Promise<void> {
      const held = world.devices.find(({ principal }) => isHeldByOneOf(looks, after.standing(principal)))
      if (!held) return
      const owner = looks.find(({ session }) => after.standing(held.principal).held === session.accountId)!
      const other = looks.find((look) => look !== owner)
      if (other) expect(await codeOf(await link(other.one, held))).toBe('PRINCIPAL_TAKEN')
      expect((await link(owner.one, held)).status).toBe(200)
      expect((await unlink(owner.one, held.principal)).status).toBe(200)
      expect(await owner.one.session()).toEqual(owner.session)
    }
  },
)

function isHeldByOneOf(looks: readonly Look[], { held }: Standing): boolean {
  return held !== undefined && looks.some(({ session }) => session.accountId === held)
}

function describeDeed({ world: { accounts, devices, deeds } }: Aftermath, index: number, code: string): string {
  const { kind, account, device } = deeds[index]!
  return `${kind} account ${accounts.indexOf(account)} device ${devices.indexOf(device)}: ${code}`
}

function doneDeeds(
  { world: { deeds }, outcomes }: Pick<Aftermath, 'world' | 'outcomes'>,
  ...kinds: Deed['kind'][]
): Deed[] {
  return deeds.filter(({ kind }, index) => kinds.includes(kind) && outcomes[index]!.code === 'done')
}

function expectKnownRefusals({ world: { deeds }, outcomes }: Aftermath): void {
  for (const [index, { kind }] of deeds.entries()) expect(['done', ...REFUSALS[kind]]).toContain(outcomes[index]!.code)
}

/** Invariant 2; and what servers say is what the rows say. */
function expectOneHolder({ world, after, looks }: Aftermath): void {
  const said = looks.flatMap(({ session: { principal, aliases } }) => [principal, ...aliases])
  expect(said).toHaveLength(new Set(said).size)
  for (const { session } of looks) {
    const { principal, aliases } = after.subject(session.accountId)
    expect([session.principal, session.aliases.toSorted()]).toEqual([principal, aliases.toSorted()])
  }
  for (const { principal } of world.devices) {
    const holders = looks
      .filter(({ session }) => [session.principal, ...session.aliases].includes(principal))
      .map(({ session }) => session.accountId)
    const { of, isUnsettled } = after.standing(principal)
    expect([holders, isUnsettled]).toEqual([of === undefined ? [] : [of], false])
  }
}

/** Invariant 1: a principal that was told to a caller stays, unless the mailbox was proven meanwhile. */
function expectFixedPrincipals({ world, outcomes, looks, after }: Aftermath): void {
  for (const [index, { account }] of world.deeds.entries()) {
    const { session } = outcomes[index]!.answer as Partial<SessionAnswer>
    if (session?.accountId !== account.id || !after.users.has(account.id)) continue
    // An account that was never used can have been bound, and then reset.
    if (wasReset({ world, outcomes }, account) && account.kind === 'open') continue
    const earlier = wasReset({ world, outcomes }, account) ? [account.principal] : []
    expect([...earlier, after.subject(account.id).principal]).toContain(session.principal)
  }
  for (const { session } of looks) {
    const account = world.accounts.find(({ id }) => id === session.accountId)
    if (account?.principal != null && !wasReset({ world, outcomes }, account))
      expect(session.principal).toBe(account.principal)
  }
}

/** A principal that is its account's own id stays, and so does one whose mailbox was proven before. */
function wasReset(race: Pick<Aftermath, 'world' | 'outcomes'>, account: World['accounts'][number]): boolean {
  return (
    account.kind !== 'proven' &&
    account.kind !== 'old' &&
    doneDeeds(race, 'reset').some((deed) => deed.account === account)
  )
}

/** Who was told `done` has it, unless something later took it back; who was refused changed nothing. */
function expectExplained(race: Aftermath, principal: string): void {
  const [before, after] = [race.before.standing(principal), race.after.standing(principal)]
  const its = (...kinds: Deed['kind'][]): Deed[] =>
    doneDeeds(race, ...kinds).filter(({ device }) => device.principal === principal)
  const endings = doneDeeds(race, 'reset', 'remove').map(({ account }) => account.id)
  const [links, undos] = [
    its('link', 'bind').map(({ account }) => account.id),
    its('unlink').map(({ account }) => account.id),
  ]
  const made = its('sign-up').map(({ email }) => race.after.idOf(email))
  for (const id of made) expect(after).toEqual({ of: id, isUnsettled: false })
  for (const id of links) if (!undos.includes(id) && !endings.includes(id)) expect(after.of).toBe(id)
  // A hold ends with its account: after that, another account may have linked the principal.
  const removed = doneDeeds(race, 'remove').map(({ account }) => account.id)
  for (const id of undos) if (!links.includes(id) && !removed.includes(id)) expect(after.held).toBe(id)
  // A link that counted for a moment, and ended with its account.
  const late = race.world.deeds.some(
    ({ kind, account, device }) => kind === 'link' && device.principal === principal && endings.includes(account.id),
  )
  const isTouched = [...links, ...undos, ...made].length > 0 || late || endings.includes(before.of ?? '')
  if (!isTouched) expect(after).toEqual(before)
  // What is held is its account's, whatever others try.
  if (before.held !== undefined && !endings.includes(before.held))
    expect([after.of ?? before.held, after.held ?? before.held]).toEqual([before.held, before.held])
  if (after.until) expect(Math.abs(after.until.getTime() - Date.now() - 30 * DAY)).toBeLessThan(RACE_TIMEOUT_MS)
}

/** One row of the audit for each change, and keys that are revoked with their account alone. */
function expectRecords({ world, before, after, outcomes }: Aftermath): void {
  // A mailbox is proven for the first time once.
  // Also where the user was gone when its session was to be made.
  const resets = new Set(
    world.deeds
      .filter(({ kind }, index) => kind === 'reset' && ['done', 'HTTP 500'].includes(outcomes[index]!.code))
      .map(({ account }) => account),
  ).size
  for (const { principal, thumbprint } of world.devices) {
    const acts = addedActs(before, after, principal)
    const isHeld = (state: State): number => (state.standing(principal).of === undefined ? 0 : 1)
    const balance =
      (acts['link'] ?? 0) + (acts['bind'] ?? 0) - (acts['unlink'] ?? 0) - (acts['reset'] ?? 0) - (acts['retire'] ?? 0)
    expect([acts, balance]).toEqual([acts, isHeld(after) - isHeld(before)])
    expect(acts['reset'] ?? 0).toBeLessThanOrEqual(resets)
    const { isRetired = false } = after.standing(principal)
    expect(after.revoked.has(thumbprint)).toBe(isRetired)
    if (isRetired) expect(acts['retire']).toBe(1)
  }
}
