// What must hold on every database, with two instances of the plugin that meet in it.
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as plugins from 'latchkey/better-auth'
import { ACTS, REFUSED, perform } from './acts.mjs'
import { migrate, optionsOf, serverOn } from './server.mjs'

/** @typedef {import('./acts.mjs').Finding} Finding */

const ROUNDS = 12

/**
 * Runs everything on one engine.
 *
 * @param {import('./engines.mjs').Engine} engine
 * @param {{ rounds?: number, second?: Promise<import('./server.mjs').Plugins> }} [options] `second`: another copy of the
 *   plugin, for an engine that only one process can open
 * @returns {Promise<Finding[]>}
 */
export async function runBattery(engine, { rounds = engine.rounds ?? ROUNDS, second } = {}) {
  const place = await engine.create()
  await migrate(engine, place, plugins)
  const { database, close } = await engine.connect(place, optionsOf(undefined, plugins))
  const first = serverOn(database, plugins)
  const other = engine.isShared
    ? await secondProcess(engine, place)
    : { ...serverOn(database, (await second) ?? plugins), stop() {} }
  const findings = await perform(engine.isRefused ? REFUSED : ACTS, { first, other, rounds })
  other.stop()
  await close()
  findings.push(await askDoctor(engine))
  return findings
}

/**
 * @param {import('./engines.mjs').Engine} engine
 * @param {string} place
 */
async function secondProcess(engine, place) {
  const child = fork(fileURLToPath(new URL('second.mjs', import.meta.url)), [engine.id, place])
  const waiting = new Map()
  let count = 0
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the second process ended with ${code}`)
    }),
  ])
  child.on('message', (/** @type {any} */ { id, answer }) => waiting.get(id)?.(answer))
  return {
    /** @param {import('./server.mjs').Call} call @returns {Promise<import('./server.mjs').Answer>} */
    call: (call) =>
      new Promise((resolve) => {
        waiting.set(++count, resolve)
        child.send({ id: count, call })
      }),
    stop: () => void child.kill('SIGKILL'),
  }
}

/** @param {import('./engines.mjs').Engine} engine @returns {Promise<Finding>} */
async function askDoctor(engine) {
  const program = fileURLToPath(
    import.meta.resolve('latchkey/package.json').replace('package.json', 'dist/adapters/cli/main.js'),
  )
  const file = fileURLToPath(new URL('auth.mjs', import.meta.url))
  const env = { ...process.env, LATCHKEY_ENGINE: engine.id, NO_COLOR: '1' }
  const run = promisify(execFile)(process.execPath, [program, 'doctor', '--json', '--auth', file], { env })
  const { stdout, stderr } = await run.catch((error) => error)
  try {
    const { checks } = JSON.parse(stdout)
    const faults = checks.filter((/** @type {any} */ { level }) => level !== 'ok')
    const transactions = checks.at(-1).message.includes('roll back.') ? 'transactions' : 'no transactions'
    const detail = faults.map((/** @type {any} */ { message }) => message).join(' ') || transactions
    const hasProblem = faults.some((/** @type {any} */ { level }) => level === 'problem')
    return { name: 'doctor', ok: hasProblem === (engine.isRefused ?? false), detail }
  } catch {
    return { name: 'doctor', ok: false, detail: `no answer: ${stderr || stdout}` }
  }
}
