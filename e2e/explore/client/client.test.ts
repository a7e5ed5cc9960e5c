import fc from 'fast-check'
import { afterAll, beforeAll, test, vi } from 'vitest'
import { testEnvironment } from '../../../lib/client/faults.testing.ts'
import { type AccountServer, accountServer } from './account-server.ts'
import { FOUND } from './found.ts'
import { anySequence, play } from './sequence.ts'
import type { Step } from './step.ts'

/** How many sequences. */
const RUNS = Number(process.env['LATCHKEY_EXPLORE_RUNS'] ?? 200)
/** Steps of a sequence at most. */
const MAX_STEPS = RUNS > 200 ? 30 : 12
/** A sequence that breaks something is found again by the same seed, and printed as it was made smaller. */
const SEED = Number(process.env['LATCHKEY_EXPLORE_SEED'] ?? 20261129)

const START = Date.parse('2026-11-29T12:00:00Z')

let explored: AccountServer
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
  explored = await accountServer()
})
afterAll(async () => {
  vi.useRealTimers()
  await explored.database.close()
})

async function playFresh(steps: readonly Step[]): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: START })
  const environment = testEnvironment()
  try {
    await play(explored, environment, steps)
  } finally {
    environment.end()
    vi.useRealTimers()
  }
}

for (const { name, steps } of FOUND) test(`found: ${name}`, () => playFresh(steps))

test(`${RUNS} sequences on two devices from seed ${SEED} keep what Latchkey promises`, { timeout: 0 }, async () => {
  await fc.assert(
    fc.asyncProperty(anySequence(MAX_STEPS), (steps) => playFresh(steps)),
    { numRuns: RUNS, seed: SEED },
  )
})
