// Runs the demo as a person would, on a free port and an empty data folder.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const START = fileURLToPath(new URL('start.mjs', import.meta.url))

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address())
      probe.close(() => resolve(port))
    })
  })
}

export function temporaryFolder() {
  return mkdtempSync(join(tmpdir(), 'latchkey-demo-'))
}

/**
 * @typedef {object} Outcome
 * @property {string} output
 * @property {string} complaint
 * @property {number | null} code null while it runs
 */

/**
 * Starts the demo, and waits until it says where it is or ends.
 *
 * @param {Record<string, string>} environment
 * @returns {Promise<Outcome & { stop(): Promise<void> }>}
 */
export function startApp(environment) {
  const child = spawn(process.execPath, [START], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const outcome = { output: '', complaint: '', code: /** @type {number | null} */ (null) }
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return new Promise((resolve) => {
    const stop = async () => {
      child.kill('SIGTERM')
      await ended
    }
    const done = () => resolve(Object.assign(outcome, { stop }))
    child.stderr.on('data', (data) => (outcome.complaint += data))
    child.stdout.on('data', (data) => {
      outcome.output += data
      if (outcome.output.includes('\n')) done()
    })
    child.once('close', (code) => {
      outcome.code = code
      done()
    })
  })
}

/** @returns {Promise<{ url: string, folder: string, restart(): Promise<void>, close(): Promise<void> }>} */
export async function startFreshApp() {
  const port = await freePort()
  const folder = temporaryFolder()
  const start = () => startApp({ PORT: String(port), LATCHKEY_DATA: folder })
  let app = await start()
  if (app.code !== null) throw new Error(app.complaint)
  return {
    url: `http://localhost:${port}`,
    folder,
    async restart() {
      await app.stop()
      app = await start()
    },
    async close() {
      await app.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
