// The campaigns that take long: thousands of random walks over the client, a million changed tokens for the resolver, and a hundred killed browsers.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const RUNS = '5000'
const FUZZ_RUNS = '1000000'

/** @param {string[]} command */
function run(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit', env: { ...process.env, LATCHKEY_STRESS: RUNS, LATCHKEY_FUZZ_RUNS: FUZZ_RUNS } })
  if (status !== 0) process.exitCode = status ?? 1
}

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url))

run(path('../../node_modules/vitest/vitest.mjs'), 'run', 'lib/client/model', 'lib/client/faults', 'lib/server/resolver-fuzz')
run(path('test-browser.mjs'), 'kill')
