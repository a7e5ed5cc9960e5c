import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOutcomeCounter } from '../../lib/server.ts'
import { bannerOf } from './banner.ts'
import { type Configuration, type Finding, readConfiguration } from './configuration.ts'
import { type OpenDatabase, openDatabase } from './database.ts'
import type { Settings } from './flags.ts'
import { closeServer, createLimitedServer, createListener } from './http.ts'
import { keptSecret } from './kept-secret.ts'
import { type Log, createLog } from './log.ts'
import { outcomeFields } from './operator-routes.ts'
import { type OpenRedis, openRedis } from './redis.ts'
import { Refusal, loadPeer } from './refusal.ts'
import { createAddressOf } from './request-address.ts'
import { routesOf } from './routes.ts'

/**
 * Runs a server until a signal stops it.
 *
 * @returns 0, once all requests are answered and the database is closed
 * @throws {Refusal} the configuration is invalid, or the port or the database is unavailable
 */
export async function serve(settings: Settings, environment: NodeJS.ProcessEnv): Promise<0> {
  forgetForeignVariables(environment)
  const production = settings.command === 'serve' || environment['NODE_ENV'] === 'production'
  const { configuration, findings } = readConfiguration(settings, production)
  refuse(findings)
  const stopped = signal()
  const server = createLimitedServer((request, response) => listener(request, response))
  let listener: RequestListener = (_, response) => void response.writeHead(503, { 'retry-after': '1' }).end()
  // First, so that a taken port leaves no files behind.
  const port = await listen(server, configuration)
  try {
    const secret = configuration.secret ?? keptSecret(configuration.place)
    const log = createLog((line) => process.stdout.write(line), secretsOf(configuration, secret), Date.now)
    process.once('uncaughtException', (error) => {
      log.error('crashed', error)
      process.exit(1)
    })
    findings.forEach(({ flag, message }) => log.warn('configuration', { flag, message }))
    const start = (assembled: RequestListener): void => void (listener = assembled)
    return await runUntilSignal({ configuration, secret, log, server, port, start, stopped }).catch(
      (error: unknown) => {
        throw refusalOf(error, log)
      },
    )
  } finally {
    await closeServer(server, SHUTDOWN_TIMEOUT_MS)
  }
}

/** Better Auth would prefer its own variables, or add them: secrets, trusted origins, telemetry. */
function forgetForeignVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment)) if (name.startsWith('BETTER_AUTH_')) delete environment[name]
}

function refuse(findings: readonly Finding[]): void {
  const problems = findings.filter(({ level }) => level === 'problem')
  if (problems.length > 0)
    throw new Refusal(
      ['Invalid configuration:', ...problems.map(({ flag, message }) => `  --${flag}: ${message}`)].join('\n'),
    )
}

function secretsOf({ place, redis, backendSecrets, adminSecret }: Configuration, secret: string): string[] {
  const addresses = [place.kind === 'postgres' ? place.url : null, redis].filter((address) => address !== null)
  const passwords = addresses
    .map((address) => new URL(address).password)
    .flatMap((password) => [password, decodeURIComponent(password)])
  return [secret, ...backendSecrets, adminSecret, ...passwords].filter(
    (text) => text !== null && text.length >= 8,
  ) as string[]
}

/** The message of an unexpected error may contain a secret, which only the log removes. */
function refusalOf(error: unknown, log: Log): Refusal {
  if (error instanceof Refusal) return error
  log.error('failed', error)
  return new Refusal('The server failed. The event `failed` of its log, on standard output, says why.')
}

interface Running {
  readonly configuration: Configuration
  readonly secret: string
  readonly log: Log
  readonly server: Server
  readonly port: number
  /** Sets what answers requests; until then the response is 503. */
  start(listener: RequestListener): void
  readonly stopped: Promise<NodeJS.Signals>
}

async function runUntilSignal({ configuration, secret, log, server, port, start, stopped }: Running): Promise<0> {
  const open = await openDatabase(configuration.place, (error) => log.error('database', error))
  let redis: OpenRedis | null = null
  try {
    redis =
      configuration.redis === null ? null : await openRedis(configuration.redis, (error) => log.error('redis', error))
    const origin = configuration.origin ?? `http://localhost:${port}`
    const assembly = assemble({ configuration, secret, origin, open, redis, log })
    // A server that waits for another one to migrate must stop, too.
    const listener = await Promise.race([assembly, stopped.then(() => null)])
    if (listener === null) assembly.catch(() => {})
    else {
      start(listener)
      report({ configuration, origin, port, hasRedis: redis !== null, log })
    }
    log.info('stopping', { signal: await stopped })
  } finally {
    await closeServer(server, SHUTDOWN_TIMEOUT_MS)
    await redis?.close()
    await open.close()
  }
  log.info('stopped')
  return 0
}

interface Started {
  readonly configuration: Configuration
  readonly origin: string
  readonly port: number
  readonly hasRedis: boolean
  readonly log: Log
}

function report({ configuration, origin, port, hasRedis, log }: Started): void {
  log.info('started', {
    origin,
    port,
    database: configuration.place.kind,
    redis: hasRedis,
    localFirst: configuration.allowLocalFirst,
    production: configuration.production,
  })
  // On standard error: standard output is the log.
  if (!configuration.production) process.stderr.write(bannerOf(configuration, origin))
}

interface Assembly {
  readonly configuration: Configuration
  readonly secret: string
  readonly origin: string
  readonly open: OpenDatabase
  readonly redis: OpenRedis | null
  readonly log: Log
}

async function assemble({ configuration, secret, origin, open, redis, log }: Assembly): Promise<RequestListener> {
  const { createIdentity } = await loadPeer('better-auth', () => import('./identity.ts'))
  const counter = createOutcomeCounter()
  const identity = await createIdentity({
    configuration,
    open,
    redis,
    origin,
    secret,
    onError: (error) => log.error('better-auth', error),
    onOutcome(outcome) {
      counter.count(outcome)
      log.info('outcome', outcomeFields(outcome))
    },
  })
  const routes = routesOf({ identity, configuration, counts: counter.counts, log })
  return createListener({
    routes,
    origin,
    trustedOrigins: configuration.trustedOrigins,
    addressOf: createAddressOf(configuration.proxyHeader),
    log,
  })
}

function listen(server: Server, { port, host }: Configuration): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Refusal(
          `Cannot listen on ${host}:${port} (${error.code ?? 'unknown error'}). Choose another --port or --host.`,
        ),
      ),
    )
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

function signal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
}

/** How long pending requests may take after a stop signal. */
const SHUTDOWN_TIMEOUT_MS = 10_000
