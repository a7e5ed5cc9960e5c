// The campaigns that take long: thousands of random walks over the client, and a hundred killed browsers.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const RUNS = '5000'

/** @param {string[]} command */
function run(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit', env: { ...process.env, LATCHKEY_STRESS: RUNS } })
  if (status !== 0) process.exitCode = status ?? 1
}

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url))

run(path('../../node_modules/vitest/vitest.mjs'), 'run', 'lib/client/model', 'lib/client/faults')
run(path('test-browser.mjs'), 'kill')
