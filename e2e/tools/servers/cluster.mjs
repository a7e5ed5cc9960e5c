// Several `latchkey serve` on one Postgres, behind a plain round-robin proxy.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { newDatabase } from './postgres.mjs'
import { startRoundRobin } from './round-robin.mjs'

const PROGRAM = fileURLToPath(new URL('../../../dist/adapters/cli/main.js', import.meta.url))
const HEADER = 'x-client-address'

/**
 * @typedef {object} Cluster
 * @property {string} url of the proxy
 * @property {string} database
 * @property {readonly number[]} answered how many answers came from each server
 * @property {readonly ClusterServer[]} servers as they are now
 * @property {(at: number) => Promise<void>} restart starts another one in the place of one that has ended
 * @property {() => Promise<void>} close
 *
 * @typedef {object} ClusterServer
 * @property {number} port
 * @property {string} name of its connections to the database
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string} written what it has written so far
 * @property {(signal: NodeJS.Signals) => Promise<number | null>} end ends with its exit code
 */

/**
 * @param {{ postgres: string, origin: string, size?: number, environment?: Record<string, string> }} options
 *   `postgres`: its
 *   address; `origin`: where people open the app, whose server passes `/api/auth` on
 * @returns {Promise<Cluster>}
 */
export async function startCluster({ postgres, origin, size = 3, environment = {} }) {
  const database = await newDatabase(postgres)
  const given = {
    LATCHKEY_BASE_URL: origin,
    LATCHKEY_SECRET: randomBytes(32).toString('base64url'),
    LATCHKEY_ALLOW_LOCAL_FIRST: 'true',
    LATCHKEY_TOKEN_CLAIM: 'email',
    LATCHKEY_PROXY_HEADER: HEADER,
    ...environment,
  }
  const start = (/** @type {number} */ at) =>
    startServer(`latchkey-${at}`, {
      ...given,
      LATCHKEY_PORT: '0',
      LATCHKEY_DATABASE: `${database}?application_name=latchkey-${at}`,
    })
  const servers = await Promise.all(Array.from({ length: size }, (_, at) => start(at)))
  // Everybody here is at one address, and would share one rate limit.
  let people = 0
  const addressOf = () => `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people++ & 255}`
  const ports = servers.map(({ port }) => port)
  const proxy = await startRoundRobin(ports, { header: HEADER, addressOf })
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    database,
    answered: proxy.answered,
    servers,
    async restart(at) {
      const server = await start(at)
      servers[at] = server
      ports[at] = server.port
    },
    async close() {
      proxy.close()
      await Promise.all(servers.map(({ end }) => end('SIGTERM')))
    },
  }
}

/**
 * @param {string} name
 * @param {Record<string, string>} environment
 * @returns {Promise<ClusterServer>}
 */
async function startServer(name, environment) {
  const child = spawn(process.execPath, [PROGRAM, 'serve'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let output = ''
  child.stderr.on('data', (data) => (output += data))
  child.stdout.on('data', (data) => (output = (output + data).slice(-10_000)))
  const port = await new Promise((resolve, reject) => {
    child.stdout.on('data', () => {
      const [, found] = /"event":"started".*?"port":(\d+)/.exec(output) ?? []
      if (found) resolve(Number(found))
    })
    child.once('close', () => reject(new Error(`a server did not start: ${output}`)))
  })
  return {
    port,
    name,
    child,
    written: () => output,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const [code] = await closed
      return code
    },
  }
}
