// The campaigns that take long: thousands of random walks over the client, a million changed tokens for the resolver
// and as many for its two ways to verify one, fifty thousand sequences of what people and an attacker do on a server
// and as many of what people, tabs and the network do on two devices, eight servers on one database, adoptions and
// undos among them, ten thousand random schemas whose rows are moved and given back, a hundred killed browsers, and a hundred first visits in eight tabs.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CAMPAIGN = {
  LATCHKEY_STRESS: '5000',
  LATCHKEY_FUZZ_RUNS: '1000000',
  LATCHKEY_EXPLORE_RUNS: '50000',
  LATCHKEY_EXPLORE_SEED: String(Date.now() % 1_000_000_000),
  LATCHKEY_REOWN_RUNS: '10000',
  LATCHKEY_PROCESSES: '8',
  LATCHKEY_ROUNDS: '200',
}

/** @param {string[]} command */
function run(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit', env: { ...process.env, ...CAMPAIGN } })
  if (status !== 0) process.exitCode = status ?? 1
}

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url))

run(
  path('../../../node_modules/vitest/vitest.mjs'),
  'run',
  'lib/client/model',
  'lib/client/faults',
  'lib/server/resolver-fuzz',
  'lib/server/external/verify-fuzz',
  'lib/tokens/self-signed-fuzz',
)
run(path('../../../node_modules/vitest/vitest.mjs'), 'run', 'better-auth/binding/race', 'better-auth/binding/crash')
run(path('../../../node_modules/vitest/vitest.mjs'), 'run', 'e2e/explore')
run(path('../../../node_modules/vitest/vitest.mjs'), 'run', 'adapters/reown/random')
// By itself: its requests are to meet each other, not to wait for the others' processes.
run(path('../../../node_modules/vitest/vitest.mjs'), 'run', 'better-auth/routes/adopt-race')
run(path('test-browser.mjs'), '-g', 'killed during|eight pages opened')
