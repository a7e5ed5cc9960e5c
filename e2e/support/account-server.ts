import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import SQLite from 'better-sqlite3'
import { Pool } from 'pg'
import { build } from 'vite'
import { createApp } from '../app/server/app.ts'
import { openDatabase } from '../app/server/database.ts'
import { startCluster } from '../tools/servers/cluster.mjs'

/**
 * The demo's server in this process, where a spec can look at it and stop its answers. Its page has nothing but the
 * library.
 */
export interface AccountServer {
  readonly url: string
  /** Requests that arrived, such as `GET /api/auth/token`. */
  readonly requests: readonly string[]
  /** How often such a request arrived. */
  count(request: string): number
  /** Keeps back the answers to such requests from now on. */
  hold(request: string): Held
  /** Called before the server goes on: a request arrived or is about to be answered, or a page told where it is. */
  onStep: (step: string) => void
  /** Rows of a query on where accounts are, be it SQLite or Postgres. */
  rows<Row>(query: string, ...values: string[]): Promise<Row[]>
  /** Changes what is there. */
  change(statement: string, ...values: string[]): Promise<void>
  /** The principal that a note is of. */
  ownersOf(note: string): string[]
  /** Forgets what arrived, and what a spec wanted to hold or to hear. */
  forget(): void
  /** Resolves once no request is under way. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Answers that are kept back. */
export interface Held {
  /** Resolves once an answer is waiting. */
  readonly waiting: Promise<void>
  /** Lets go of them, and of all further ones. */
  release(): void
}

const PAGE = (script: string): string =>
  `<!doctype html><title>Account</title><link rel="icon" href="data:,"><script type="module" src="/${script}.js"></script>`

/** Starts the server on an empty database. */
export async function startAccountServer(): Promise<AccountServer> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-account-'))
  await buildPage(folder)
  const listening = createServer().listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const origin = `http://localhost:${(listening.address() as AddressInfo).port}`
  const databaseFile = join(folder, 'account.sqlite')
  const database = await openDatabase(databaseFile)
  const postgres = process.env['LATCHKEY_CLUSTER']
  const cluster = postgres ? await startCluster({ postgres, origin }) : null
  const app = await createApp({
    database,
    origin,
    secret: 'for specs alone, and long enough',
    siteFolder: join(folder, 'site'),
    accounts: cluster?.url ?? null,
  })
  const requests: string[] = []
  const holds = new Map<string, Hold>()
  const underWay = new Set<Promise<unknown>>()

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname === '/tell') return tell(url)
    const name = `${request.method} ${url.pathname}`
    requests.push(name)
    server.onStep(`${name} arrived`)
    const response = own(url) ?? (await app.fetch(atOrigin(request, origin)))
    // A frame without an origin of its own may run the script, too.
    if (url.pathname.endsWith('.js')) response.headers.set('access-control-allow-origin', '*')
    const held = holds.get(name)
    held?.waits()
    await held?.gate
    server.onStep(`${name} answered`)
    return response
  }

  /** The page waits for the answer and does nothing meanwhile: whatever happens now happens to it at this step. */
  function tell({ searchParams }: URL): Response {
    server.onStep(searchParams.get('step') ?? '')
    return new Response('heard')
  }

  const listener = getRequestListener((request) => {
    const work = answer(request)
    underWay.add(work)
    return work.finally(() => underWay.delete(work))
  })
  listening.on('request', listener)
  const file = new SQLite(databaseFile)
  const pool = cluster && new Pool({ connectionString: cluster.database })
  const ask = async <Row>(query: string, values: string[]): Promise<Row[]> => {
    let place = 0
    return pool
      ? (
          await pool.query(
            query.replaceAll('?', () => `$${++place}`),
            values,
          )
        ).rows
      : (file.prepare(query).all(...values) as Row[])
  }

  const server: AccountServer = {
    url: origin,
    requests,
    count: (request) => requests.filter((name) => name === request).length,
    hold(request) {
      const hold = createHold(() => holds.delete(request))
      holds.set(request, hold)
      return hold
    },
    onStep() {},
    rows: (query, ...values) => ask(query, values),
    change: async (statement, ...values) => void (await ask(`${statement} returning 1`, values)),
    ownersOf: (note) =>
      file
        .prepare('select owner from note where id = ?')
        .all(note)
        .map((row) => (row as { owner: string }).owner),
    forget() {
      requests.length = 0
      for (const { release } of holds.values()) release()
      server.onStep = () => {}
    },
    async idle() {
      while (underWay.size) await Promise.allSettled(underWay)
    },
    async close() {
      listening.closeAllConnections()
      await new Promise((resolve) => listening.close(resolve))
      file.close()
      await pool?.end()
      await cluster?.close()
      await database.destroy()
      rmSync(folder, { recursive: true })
    },
  }
  return server
}

interface Hold extends Held {
  readonly gate: Promise<void>
  readonly waits: () => void
}

function createHold(onRelease: () => void): Hold {
  let waits!: () => void
  let open!: () => void
  const waiting = new Promise<void>((resolve) => (waits = resolve))
  const gate = new Promise<void>((resolve) => (open = resolve))
  return { waiting, gate, waits, release: () => (onRelease(), open()) }
}

/** Further origins of the same pages (`a.localhost` is loopback too); the server itself knows only its own. */
function atOrigin(request: Request, origin: string): Request {
  const { host } = new URL(origin)
  if (request.headers.get('host') === host) return request
  const headers = new Headers(request.headers)
  headers.set('host', host)
  return new Request(request, { headers })
}

/** What the demo has not: a page that may be framed, and an answer that clears the site's storage. */
function own({ pathname }: URL): Response | undefined {
  if (pathname === '/documents') return new Response(PAGE('documents'), { headers: { 'content-type': 'text/html' } })
  if (pathname === '/framed') return new Response(PAGE('account'), { headers: { 'content-type': 'text/html' } })
  if (pathname === '/clear') return new Response('cleared', { headers: { 'clear-site-data': '"storage"' } })
  return undefined
}

async function buildPage(folder: string): Promise<void> {
  const script = (name: string): string => fileURLToPath(new URL(`../harness/${name}.ts`, import.meta.url))
  const input = { account: script('account'), documents: script('documents') }
  const outDir = join(folder, 'site')
  await build({
    logLevel: 'silent',
    configFile: false,
    build: {
      outDir,
      modulePreload: false,
      rollupOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' } },
    },
  })
  writeFileSync(join(outDir, 'index.html'), PAGE('account'))
}
