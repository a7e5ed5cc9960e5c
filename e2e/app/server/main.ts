import type { Server } from 'node:http'
import { type ServerType, serve } from '@hono/node-server'
import { createApp } from './app.ts'
import { type Configuration, ConfigurationError, readConfiguration } from './configuration.ts'
import { type Database, openDatabase } from './database.ts'
import { createMailbox } from './mailbox.ts'

export interface Folders {
  /** The data folder if LATCHKEY_DATA is not set. */
  readonly data: string
  /** The built page. */
  readonly site: string
}

/** Starts the server and prints its URL. If that fails, prints one sentence and exits. */
export async function run(environment: NodeJS.ProcessEnv, folders: Folders): Promise<void> {
  try {
    const configuration = readConfiguration(environment, folders.data)
    const database = await openDatabase(configuration.databaseFile)
    const server = await listen(await createApps(configuration, database, folders.site), configuration.port)
    stopOnSignal(server, database)
    console.log(`Latchkey Notes is at ${configuration.origin}`)
  } catch (error) {
    console.error(error instanceof ConfigurationError ? error.message : error)
    process.exitCode = 1
  }
}

/** Two apps on one database, for the two names: a demo of two devices needs one browser only. */
async function createApps(
  { origin, secondDevice, secret, accounts }: Configuration,
  database: Database,
  siteFolder: string,
): Promise<Parameters<typeof serve>[0]['fetch']> {
  const shared = { database, secret, accounts, siteFolder, mailbox: createMailbox() }
  const app = await createApp({ ...shared, origin })
  if (!secondDevice) return app.fetch
  const second = await createApp({ ...shared, origin: secondDevice })
  const { host } = new URL(secondDevice)
  return (request, bindings) => (request.headers.get('host') === host ? second : app).fetch(request, bindings)
}

function listen(fetch: Parameters<typeof serve>[0]['fetch'], port: Configuration['port']): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, port, hostname: '127.0.0.1' }, () => resolve(server))
    server.once('error', (error: NodeJS.ErrnoException) => reject(refused(error, port)))
  })
}

function refused(error: NodeJS.ErrnoException, port: number): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use: stop what uses it, or set PORT to another one.`,
    EACCES: `Port ${port} may not be used by this user: set PORT to one above 1023.`,
  }
  const reason = reasons[error.code ?? '']
  return reason ? new ConfigurationError(reason) : error
}

/** How long running requests may take after a stop signal, in milliseconds. */
const CLOSE_TIMEOUT_MS = 3000

function stopOnSignal(server: ServerType, database: Database): void {
  const stop = (): void => {
    server.close(() => void database.destroy())
    setTimeout(() => (server as Server).closeAllConnections(), CLOSE_TIMEOUT_MS).unref()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}
