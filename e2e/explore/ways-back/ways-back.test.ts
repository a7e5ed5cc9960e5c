import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { WAYS } from './attempts.ts'
import { type Round, STARTS, type Tally, type Trouble, playRound } from './round.ts'
import { type World, newWorld } from './world.ts'

/** How many faults. `npm run test:ways-back` has more. */
const FAULTS = Number(process.env['LATCHKEY_WAYS_BACK_FAULTS'] ?? 100)
/** Rounds that break something are found again by the same seed, and printed as they were made smaller. */
const SEED = Number(process.env['LATCHKEY_EXPLORE_SEED'] ?? 20261129)
/** Rounds between two looks at the number of faults. */
const BATCH = 50

const anyTrouble: fc.Arbitrary<Trouble> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom('rejects', 'answerLost', 'dies'),
      where: fc.constantFrom('here', 'there'),
      nth: fc.nat(1000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('server dies'), nth: fc.nat(1000) }) },
  // The requests that give something, which are few among all.
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom('rejects', 'answerLost'),
      path: fc.constantFrom('/api/auth/latchkey/pair/grant', '/api/auth/latchkey/pair/redeem'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'dialog dismissed' }) },
)

const anyRound: fc.Arbitrary<Round> = fc.record({
  start: fc.constantFrom(...STARTS),
  way: fc.constantFrom(...WAYS),
  owner: fc.nat(3),
  troubles: fc.array(anyTrouble, { minLength: 2, maxLength: 6 }),
})

/** The response to what gives something is lost, and the user clicks again: among random rounds this is rare. */
const ALWAYS: readonly Round[] = ['grant', 'redeem'].flatMap((act) =>
  WAYS.filter((way) => way.startsWith('pairing')).map((way): Round => ({
    start: 'nothing',
    way,
    owner: 2,
    troubles: [{ what: 'answerLost', path: `/api/auth/latchkey/pair/${act}` }],
  })),
)

let world: World

beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue())
beforeAll(async () => {
  world = await newWorld()
})
afterAll(async () => {
  await world.close()
  vi.unstubAllGlobals()
})

test(
  `${FAULTS} faults from seed ${SEED}: no identity is lost, replaced or made, and no grant works twice`,
  { timeout: 0 },
  async () => {
    const tally: Tally = { faults: 0, deaths: 0, rounds: 0, attempts: 0, succeeded: 0 }
    for (const round of ALWAYS) await playRound(world, round, tally)
    for (let batch = 0; tally.faults < FAULTS; batch++) {
      await fc.assert(
        fc.asyncProperty(anyRound, (round) => playRound(world, round, tally)),
        { numRuns: BATCH, seed: SEED + batch },
      )
      if (FAULTS > 1000) console.warn(`${tally.faults} faults, ${tally.rounds} rounds`)
    }
    const { faults, deaths, rounds, attempts, succeeded } = tally
    console.warn(
      `${faults} faults (${deaths} deaths of the server) in ${attempts} attempts of ${rounds} rounds, ` +
        `of which ${succeeded} succeeded all the same`,
    )
    expect(faults).toBeGreaterThanOrEqual(FAULTS)
  },
)
