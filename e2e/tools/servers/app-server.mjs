// Runs the demo as a person would, on a port of its own and an empty data folder.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startCluster } from './cluster.mjs'
import { startOnPort } from './on-port.mjs'

const START = fileURLToPath(new URL('../build/start.mjs', import.meta.url))

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
  const child = spawn(process.execPath, [START], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
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

/**
 * @param {string} [postgres] where a cluster of account servers has its database; without it the demo has its own
 *   Better Auth
 * @returns {Promise<{ url: string, folder: string, cluster: import('./cluster.mjs').Cluster | null, restart():
 *   Promise<void>, close(): Promise<void> }>}
 */
export async function startFreshApp(postgres = process.env['LATCHKEY_CLUSTER']) {
  const folder = temporaryFolder()
  return startOnPort(async (port) => {
    const url = `http://localhost:${port}`
    const cluster = postgres ? await startCluster({ postgres, origin: url }) : null
    const start = async () => {
      const app = await startApp({ PORT: String(port), LATCHKEY_DATA: folder, LATCHKEY_ACCOUNTS: cluster?.url ?? '' })
      if (app.code === null) return app
      await cluster?.close()
      throw new Error(app.complaint)
    }
    let app = await start()
    return {
      url,
      folder,
      cluster,
      async restart() {
        await app.stop()
        app = await start()
      },
      async close() {
        await app.stop()
        await cluster?.close()
        rmSync(folder, { recursive: true })
      },
    }
  })
}
