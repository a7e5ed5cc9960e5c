import type { BetterAuthOptions } from 'better-auth'
import { afterEach, describe } from 'vitest'
import { type TestDatabase, openPostgresCopy, openSqlite } from './database.testing.ts'
import { type TestServer, testServer } from './server.testing.ts'

/** Makes a server on a fresh database. */
export type NewServer = (extra?: Partial<BetterAuthOptions>) => Promise<TestServer>

interface Engine {
  readonly name: string
  open(): Promise<TestDatabase>
}

/** SQLite, and Postgres as Better Auth runs it with a pool (transactions) and with a dialect (none). */
const ENGINES: readonly Engine[] = [
  { name: 'SQLite', open: async () => openSqlite() },
  { name: 'Postgres', open: () => openPostgresCopy(true) },
  { name: 'Postgres without transactions', open: () => openPostgresCopy(false) },
]

/** All engines, or those that `LATCHKEY_ENGINES` names, separated by commas. */
function chosenEngines(): readonly Engine[] {
  const named = process.env['LATCHKEY_ENGINES']
  if (named === undefined) return ENGINES
  return named.split(',').map((wanted) => {
    const engine = ENGINES.find(({ name }) => name === wanted)
    if (!engine)
      throw new Error(`LATCHKEY_ENGINES names ${wanted}: there are ${ENGINES.map(({ name }) => name).join(', ')}`)
    return engine
  })
}

/** Runs a suite once on each engine; what it opened is closed after each test. */
export function onEachEngine(suite: (newServer: NewServer, engine: string) => void): void {
  describe.each(chosenEngines().map((engine) => [engine.name, engine] as const))('%s', (name, { open }) => {
    const opened: TestDatabase[] = []
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((database) => database.close()))
    })
    suite(async (extra) => {
      const database = await open()
      opened.push(database)
      return testServer(extra, database)
    }, name)
  })
}
