// Ten thousand faults in restores and pairings, from a seed that is printed; `npm run test:ways-back -- 500 7` has 500
// faults from seed 7. `npm test` has a small share.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const [, , faults = '10000', seed = String(Date.now() % 1_000_000_000)] = process.argv
const env = { ...process.env, LATCHKEY_WAYS_BACK_FAULTS: faults, LATCHKEY_EXPLORE_SEED: seed }
const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, 'run', 'e2e/explore/ways-back'], { stdio: 'inherit', env })
process.exitCode = status ?? 1
