// Several `latchkey serve` on one Postgres, behind a plain round-robin proxy.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { newDatabase } from './postgres.mjs'
import { startRoundRobin } from './round-robin.mjs'

const PROGRAM = fileURLToPath(new URL('../../dist/adapters/cli/main.js', import.meta.url))
const HEADER = 'x-client-address'

/**
 * @typedef {object} Fleet
 * @property {string} url of the proxy
 * @property {string} database
 * @property {readonly number[]} answered how many answers came from each server
 * @property {readonly import('node:child_process').ChildProcess[]} processes
 * @property {() => Promise<void>} close
 */

/**
 * @param {{ postgres: string, origin: string, size?: number, environment?: Record<string, string> }} options `postgres`: its
 *   address; `origin`: where people open the app, whose server passes `/api/auth` on
 * @returns {Promise<Fleet>}
 */
export async function startFleet({ postgres, origin, size = 3, environment = {} }) {
  const database = await newDatabase(postgres)
  const given = {
    LATCHKEY_PORT: '0',
    LATCHKEY_BASE_URL: origin,
    LATCHKEY_DATABASE: database,
    LATCHKEY_SECRET: randomBytes(32).toString('base64url'),
    LATCHKEY_ALLOW_LOCAL_FIRST: 'true',
    LATCHKEY_TOKEN_CLAIM: 'email',
    LATCHKEY_PROXY_HEADER: HEADER,
    ...environment,
  }
  const servers = await Promise.all(Array.from({ length: size }, () => startServer(given)))
  // Everybody here is at one address, and would share one rate limit.
  let people = 0
  const addressOf = () => `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people++ & 255}`
  const proxy = await startRoundRobin(servers.map(({ port }) => port), { header: HEADER, addressOf })
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    database,
    answered: proxy.answered,
    processes: servers.map(({ child }) => child),
    async close() {
      proxy.close()
      await Promise.all(servers.map(({ stop }) => stop()))
    },
  }
}

/**
 * @param {Record<string, string>} environment
 * @returns {Promise<{ port: number, child: import('node:child_process').ChildProcess, stop(): Promise<void> }>}
 */
async function startServer(environment) {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let output = ''
  let complaint = ''
  child.stderr.on('data', (data) => (complaint += data))
  const port = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => {
      if (output.length < 10_000) output += data
      const [, found] = /"event":"started".*?"port":(\d+)/.exec(output) ?? []
      if (found) resolve(Number(found))
    })
    child.once('close', () => reject(new Error(`a server did not start: ${complaint}`)))
  })
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
  }
  return { port, child, stop }
}
