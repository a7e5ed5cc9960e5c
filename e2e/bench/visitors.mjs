// `node e2e/bench/visitors.mjs [COUNT] [--write]`: what visitors who never sign up leave behind on one Postgres: of Latchkey's
// local-first identity, and of Better Auth's anonymous plugin. Each visitor opens the page and calls the API once.
// `--write` puts the tables into docs/visitors.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { betterAuth } from 'better-auth'
import { anonymous } from 'better-auth/plugins/anonymous'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import pg from 'pg'
import { newDatabase, startPostgres } from '../tools/servers/postgres.mjs'
import { migrate } from './accounts.mjs'

const ORIGIN = 'https://notes.example'
const MILLION = 1_000_000

/** @typedef {ReturnType<typeof serverOf>} Server */
/** @typedef {{ read: () => Promise<unknown>, requests: number, bytes: number }} Visit the API's check, and what it cost */

/** @param {string} url @param {import('better-auth').BetterAuthPlugin[]} plugins */
function serverOf(url, plugins) {
  const database = new pg.Pool({ connectionString: url })
  // Postgres is stopped while the last connections close.
  database.on('error', () => {})
  const auth = betterAuth({
    baseURL: ORIGIN,
    secret: 'a secret of at least thirty-two characters',
    database,
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins,
  })
  return { auth, database }
}

/** @param {Server} server @param {string} path @param {RequestInit} [init] */
async function ask({ auth }, path, init) {
  const answer = await auth.handler(new Request(`${ORIGIN}/api/auth${path}`, init))
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
  const head = [...answer.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  return { answer, bytes: head + (await answer.arrayBuffer()).byteLength }
}

/** @param {Server} server */
async function withAnonymousPlugin(server) {
  const headers = { 'content-type': 'application/json' }
  const { answer, bytes } = await ask(server, '/sign-in/anonymous', { method: 'POST', body: '{}', headers })
  const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0])
  const session = new Headers({ cookie: cookie.join('; ') })
  return { requests: 1, bytes, read: () => server.auth.api.getSession({ headers: session }) }
}

/**
 * Their tokens are signed before anything is measured: a visitor's own device does that.
 *
 * @param {Server} server
 * @param {number} count
 */
async function withLatchkey(server, count) {
  const resolver = createBetterAuthResolver(server.auth)
  const token = async () => (await testDevice()).token({ audience: ORIGIN, lifetime: 3600 })
  const tokens = await Promise.all(Array.from({ length: count }, token))
  return async () => {
    // The client asks once whether the browser has a session.
    const { bytes } = await ask(server, '/latchkey/session')
    const authorization = `Bearer ${tokens.pop()}`
    const request = new Request(`${ORIGIN}/api/notes`, { headers: { authorization } })
    const read = async () => {
      const resolution = await resolver.resolve(request)
      return resolution.ok ? resolution.session : null
    }
    return { requests: 1, bytes, read }
  }
}

/** @param {pg.Pool} database @returns {Promise<{ rows: number, bytes: number }>} */
async function sizeOf(database) {
  const { rows: tables } = await database.query(
    `select quote_ident(relname) as name, pg_total_relation_size(oid) as bytes from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'jwks'`,
  )
  let rows = 0
  for (const { name } of tables) rows += Number((await database.query(`select count(*) from ${name}`)).rows[0].count)
  return { rows, bytes: tables.reduce((sum, { bytes }) => sum + Number(bytes), 0) }
}

/** Counts what is sent to any database. */
function countStatements() {
  const counter = { statements: 0 }
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = /** @type {any} */ (
    /** @this {pg.Client} @param {any[]} given */
    function (...given) {
      counter.statements += 1
      return query.apply(this, /** @type {any} */ (given))
    }
  )
  return counter
}

/**
 * @param {Server} server
 * @param {() => Promise<Visit>} visit
 * @param {{ count: number, counter: { statements: number } }} given
 */
async function measure(server, visit, { count, counter }) {
  await (await visit()).read()
  const before = await sizeOf(server.database)
  counter.statements = 0
  const [cpu, start] = [process.cpuUsage(), process.hrtime.bigint()]
  const sum = { requests: 0, sent: 0 }
  for (let index = 0; index < count; index++) {
    const { requests, bytes, read } = await visit()
    if (!(await read())) throw new Error('the API let a visitor not in')
    sum.requests += requests
    sum.sent += bytes
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const { user, system } = process.cpuUsage(cpu)
  const { statements } = counter
  const after = await sizeOf(server.database)
  return {
    ...sum,
    statements,
    rows: after.rows - before.rows,
    stored: after.bytes - before.bytes,
    seconds,
    cpu: (user + system) / 1e6,
  }
}

const PAGE = fileURLToPath(new URL('../../docs/visitors.md', import.meta.url))

/** @typedef {Awaited<ReturnType<typeof measure>>} Figures */

/** @param {number} count @param {Figures} ours @param {Figures} theirs */
function writePage(count, ours, theirs) {
  const number = (/** @type {number} */ value) => Math.round(value).toLocaleString('en')
  const megabytes = (/** @type {number} */ value) => `${number(value / 1e6)} MB`
  /** @param {string} name @param {keyof Figures} key @param {(value: number) => string} [shown] */
  const row = (name, key, shown = number) => {
    const cells = [ours, theirs].flatMap((figures) => [number(figures[key]), shown((figures[key] * MILLION) / count)])
    return `| ${[name, cells[0], cells[2], cells[1], cells[3]].join(' | ')} |`
  }
  const head = ['', 'Latchkey', 'anonymous plugin', 'Latchkey, a million', 'anonymous plugin, a million']
  const table = [
    `${number(count)} visitors, measured; a million computed from them in proportion:`,
    '',
    `| ${head.join(' | ')} |`,
    '| --- | --- | --- | --- | --- |',
    row('rows', 'rows'),
    row('bytes in the database', 'stored', megabytes),
    row('requests to the account server', 'requests'),
    row('bytes of its answers', 'sent', megabytes),
    row('statements', 'statements'),
    '',
    `Processor time of the server, anonymous plugin to Latchkey: ${(theirs.cpu / ours.cpu).toFixed(1)} to 1. Only the ratio is given, because the machine was under load.`,
  ]
  const mark = /(<!-- visitors: made by e2e\/bench\/visitors.mjs -->\n\n)[\s\S]*?(\n\n<!-- end of visitors -->)/
  const text = readFileSync(PAGE, 'utf8')
  writeFileSync(
    PAGE,
    text.replace(mark, (_, start, end) => `${start}${table.join('\n')}${end}`),
  )
}

/** @param {number} [count] visitors of each kind @param {boolean} [isWritten] into the page */
export async function benchVisitors(count = 10_000, isWritten = false) {
  const counter = countStatements()
  const postgres = await startPostgres()
  /** @type {Server[]} */
  const servers = []
  try {
    for (const plugins of [[latchkey(), latchkeyJwt()], [anonymous()]]) {
      const server = serverOf(await newDatabase(postgres.url), plugins)
      servers.push(server)
      await migrate(server.auth)
    }
    const [ours, theirs] = /** @type {[Server, Server]} */ (servers)
    const table = {
      'Latchkey, local-first': await measure(ours, await withLatchkey(ours, count + 1), { count, counter }),
      'Better Auth, anonymous plugin': await measure(theirs, () => withAnonymousPlugin(theirs), { count, counter }),
    }
    console.log(`${count.toLocaleString('en')} visitors who never sign up, one Postgres, one API call each`)
    console.table(table)
    console.log(`Computed from it for ${MILLION.toLocaleString('en')} visitors, every figure in proportion:`)
    const scaled = Object.entries(table).map(([name, figures]) => [
      name,
      Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Math.round((value * MILLION) / count)])),
    ])
    console.table(Object.fromEntries(scaled))
    if (isWritten) writePage(count, table['Latchkey, local-first'], table['Better Auth, anonymous plugin'])
  } finally {
    await Promise.all(servers.map(({ database }) => database.end()))
    await postgres.stop()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true })
  await benchVisitors(positionals[0] ? Number(positionals[0]) : undefined, values.write)
}
