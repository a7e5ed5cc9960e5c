// `node e2e/bench/requests.mjs`: requests per second through Hono, local-first beside Better Auth's anonymous session,
// on one SQLite file.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import SQLite from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { anonymous } from 'better-auth/plugins/anonymous'
import { Hono } from 'hono'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { authenticate } from 'latchkey/hono'
import { testDevice } from 'latchkey/testing'
import { migrate } from './accounts.mjs'
import { compare, print } from './compare.mjs'

const ORIGIN = 'https://notes.example'
/** Each asks in turn. */
const PEOPLE = 500
const SIZE = { rounds: 21, operations: 500 }

/** @param {SQLite.Database} database @param {import('better-auth').BetterAuthOptions} more */
function serverOf(database, more) {
  return betterAuth({
    baseURL: ORIGIN,
    secret: 'a secret of at least thirty-two characters',
    database,
    rateLimit: { enabled: false },
    logger: { disabled: true },
    ...more,
  })
}

/** @param {SQLite.Database} database */
async function openServers(database) {
  // For the tables of both; the peers then run without the plugin.
  await migrate(serverOf(database, { plugins: [anonymous(), latchkey(), latchkeyJwt()] }))
  const ours = serverOf(database, { plugins: [latchkey(), latchkeyJwt()] })
  await ours.api.getJwks()
  return {
    ours,
    theirs: serverOf(database, { plugins: [anonymous()] }),
    cached: serverOf(database, { plugins: [anonymous()], session: { cookieCache: { enabled: true, maxAge: 300 } } }),
  }
}

/** @typedef {Awaited<ReturnType<typeof openServers>>} Servers */

/** @param {Servers} servers */
function appOf({ ours, theirs, cached }) {
  const app = new Hono()
  app.get('/local-first', authenticate(createBetterAuthResolver(ours)), (context) =>
    context.json({ id: context.get('session').principal }),
  )
  app.get('/local-first/forgetful', authenticate(createBetterAuthResolver(ours, { cacheSize: 1 })), (context) =>
    context.json({ id: context.get('session').principal }),
  )
  for (const [path, auth] of /** @type {const} */ ([
    ['/session', theirs],
    ['/session/cached', cached],
  ])) {
    app.get(path, async (context) => {
      const found = await auth.api.getSession({ headers: context.req.raw.headers })
      return found ? context.json({ id: found.user.id }) : context.text('unauthenticated', 401)
    })
  }
  return app
}

/** @param {Pick<Servers['theirs'], 'handler'>} auth @returns {Promise<Record<string, string>>} */
async function signIn(auth) {
  const answer = await auth.handler(
    new Request(`${ORIGIN}/api/auth/sign-in/anonymous`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    }),
  )
  return {
    cookie: answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  }
}

/** @param {(index: number) => Promise<Record<string, string>>} make */
async function people(make) {
  const all = []
  for (let index = 0; index < PEOPLE; index++) all.push(await make(index))
  return all
}

/** @param {Hono} app @param {string} path @param {readonly Record<string, string>[]} all */
function asking(app, path, all) {
  let next = 0
  return async () => {
    const answer = await app.request(`${ORIGIN}${path}`, { headers: all[next++ % all.length] ?? {} })
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
    await answer.text()
  }
}

/** @param {Servers} servers */
async function measure(servers) {
  const app = appOf(servers)
  const bearers = await people(async () => ({
    authorization: `Bearer ${await (await testDevice()).token({ audience: ORIGIN, lifetime: 3600 })}`,
  }))
  const sessions = await people(() => signIn(servers.theirs))
  const cached = await people(() => signIn(servers.cached))
  const [ours, forgetful] = [asking(app, '/local-first', bearers), asking(app, '/local-first/forgetful', bearers)]
  const [theirs, theirsCached] = [asking(app, '/session', sessions), asking(app, '/session/cached', cached)]
  const title = `Requests through Hono, ${PEOPLE} people in turn, one SQLite file`
  print(
    title,
    'local-first: token kept, status 5 s old',
    'Better Auth anonymous getSession, as it is',
    await compare(ours, theirs, SIZE),
  )
  print(
    title,
    'local-first: token kept, status 5 s old',
    'the same with its cookie cache',
    await compare(ours, theirsCached, SIZE),
  )
  print(
    title,
    'local-first: token and key unknown each time',
    'Better Auth anonymous getSession, as it is',
    await compare(forgetful, theirs, SIZE),
  )
}

/** What each of them asks the database, once warm: on a database of its own, which is slower for writing it down. */
async function countStatements() {
  /** @type {string[]} */
  const statements = []
  const servers = await openServers(
    new SQLite(':memory:', { verbose: (statement) => void statements.push(String(statement)) }),
  )
  const app = appOf(servers)
  const bearer = { authorization: `Bearer ${await (await testDevice()).token({ audience: ORIGIN })}` }
  const paths = {
    '/local-first': bearer,
    '/session': await signIn(servers.theirs),
    '/session/cached': await signIn(servers.cached),
  }
  console.log('\nStatements for one request')
  for (const [path, headers] of Object.entries(paths)) {
    const ask = asking(app, path, [headers])
    const counts = []
    for (let run = 0; run < 2; run++) {
      statements.length = 0
      await ask()
      counts.push(statements.length)
    }
    console.log(`  ${path.padEnd(20)} first ${counts[0]}, then ${counts[1]}`)
  }
}

export async function benchRequests() {
  await countStatements()
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const database = new SQLite(join(folder, 'bench.sqlite'))
  database.pragma('journal_mode = WAL')
  try {
    await measure(await openServers(database))
  } finally {
    database.close()
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await benchRequests()
