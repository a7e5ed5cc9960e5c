// Runs the unit tests and the browser specs at the same time: alone, both leave a processor idle for much of the time.
// What the specs print follows what the unit tests print.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const VITEST = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
const SPECS = fileURLToPath(new URL('test-browser.mjs', import.meta.url))

/**
 * @param {string[]} parameters
 * @param {'inherit' | 'pipe'} output
 */
function start(parameters, output) {
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', output, output] })
  /** @type {Buffer[]} */
  const printed = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => printed.push(data))
  const hasPassed = new Promise((resolve) => child.once('close', (code) => resolve(code === 0)))
  return { child, printed, hasPassed }
}

const units = start([VITEST, 'run'], 'inherit')
const specs = start([SPECS], 'pipe')
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, () => {
    for (const { child } of [units, specs]) child.kill(signal)
  })

const results = [await units.hasPassed, await specs.hasPassed]
process.stdout.write(Buffer.concat(specs.printed))
process.exitCode = results.every(Boolean) ? 0 : 1
