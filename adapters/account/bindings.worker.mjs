// A server process of its own, with a binding store on a shared database: a file, or a Postgres. It runs operations of
// the store at the moment that it is told, and dies before or after the statement that it is told.
import Database from 'better-sqlite3'
import { Pool } from 'pg'
import { postgresBindingStore, sqliteBindingStore } from 'latchkey/server'

const [, , place] = process.argv
let statements = 0
/** @type {{ side: 'before' | 'after', at: number } | undefined} */
let deadly

/** @param {'before' | 'after'} side */
function passStatement(side) {
  // Not `exit`: nothing may be closed or rolled back politely.
  if (deadly?.side === side && statements === deadly.at) process.kill(process.pid, 'SIGKILL')
}

/** @param {() => any} run */
function counted(run) {
  statements++
  passStatement('before')
  const result = run()
  if (typeof result?.then !== 'function') {
    passStatement('after')
    return result
  }
  return result.then((/** @type {unknown} */ value) => {
    passStatement('after')
    return value
  })
}

function openSqlite() {
  const database = new Database(place)
  // A process that is killed loses nothing that it wrote, as without power it would.
  database.pragma('synchronous = off')
  return sqliteBindingStore({
    exec: (definitions) => database.exec(definitions),
    prepare(statement) {
      const prepared = database.prepare(statement)
      return { all: (...values) => counted(() => prepared.all(...values)) }
    },
  })
}

function openPostgres() {
  const pool = new Pool({ connectionString: place, max: 5 })
  return postgresBindingStore({ query: (text, values) => counted(() => pool.query(text, values)) })
}

const store = place.startsWith('postgres') ? openPostgres() : openSqlite()

/** @param {{ act: string, args: any[] }} call */
const run = ({ act, args }) =>
  act === 'useOnce' ? store.useOnce(args[0], new Date(args[1])) : store[/** @type {'find'} */ (act)](...args)

/** @type {{ act: string, args: any[] }[]} */
let prepared = []

process.on('message', async (/** @type {any} */ message) => {
  if (message.prepare) {
    prepared = message.prepare
    statements = 0
    deadly = message.deadly
    process.send?.({ ready: true })
    return
  }
  if (message.inTurn) {
    // What it answers was done before it died.
    for (const [index, call] of prepared.entries()) process.send?.({ index, result: await run(call) })
  } else {
    process.send?.({ results: await Promise.all(prepared.map(run)) })
  }
  process.send?.({ done: true })
})
process.send?.({ ready: true })
