import fc from 'fast-check'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/better-auth/testing/database.testing.ts'
import { anyAct, play } from './sequence.ts'
import { type ExploredServer, exploredServer } from './server.ts'
import { SETTINGS } from './settings.ts'

const RUNS = Number(process.env['LATCHKEY_EXPLORE_RUNS'] ?? 300)
const SEED = Number(process.env['LATCHKEY_EXPLORE_SEED'] ?? 20261129)

const START = Date.parse('2026-11-29T12:00:00Z')

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }))
afterAll(() => void vi.useRealTimers())

describe(`${RUNS} sequences from seed ${SEED}`, () => {
  const servers: ExploredServer[] = []
  beforeAll(async () => {
    for (const setting of SETTINGS)
      servers.push(
        await exploredServer(openSqlite(), setting, (milliseconds) => vi.setSystemTime(Date.now() + milliseconds)),
      )
  })

  test('keep what Latchkey promises', async () => {
    const property = fc.asyncProperty(
      fc.nat(SETTINGS.length - 1),
      fc.array(anyAct, { minLength: 1, maxLength: 16, size: 'max' }),
      async (setting, acts) => {
        vi.setSystemTime(START)
        await play(servers[setting]!, acts)
      },
    )
    await fc.assert(property, { numRuns: RUNS, seed: SEED })
  })
})
