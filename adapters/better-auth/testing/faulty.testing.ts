import { type BetterAuthOptions, type DBAdapter, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { latchkey, latchkeyJwt } from '../index.ts'
import { type TestDatabase, openSqlite } from './database.testing.ts'
import { BASE_OPTIONS } from './server.testing.ts'

/** An adapter of a migrated database, and its options. */
export async function adapterOf(
  { database }: Pick<TestDatabase, 'database'> = openSqlite(),
  more: Partial<BetterAuthOptions> = {},
): Promise<DBAdapter> {
  const auth = betterAuth({ ...BASE_OPTIONS, ...more, database, plugins: [latchkey(), latchkeyJwt()] })
  await (await getMigrations(auth.options)).runMigrations()
  return (await auth.$context).adapter as unknown as DBAdapter
}

/** What misbehaves in an adapter. */
export type Misbehaviour = (adapter: DBAdapter) => Partial<DBAdapter>

/** Counts an update to equal values as none, as MySQL does without the flag CLIENT_FOUND_ROWS. */
export const countsChangedOnly: Misbehaviour = (adapter) => ({
  async updateMany(query) {
    const [row] = await adapter.findMany<Record<string, unknown>>({ model: query.model, where: query.where })
    const isEqual = row && Object.entries(query.update).every(([name, value]) => row[name] === value)
    const count = await adapter.updateMany(query)
    return isEqual ? 0 : count
  },
})

/** Compares null with `=`. */
export const matchesNoNull: Misbehaviour = (adapter) => ({
  updateMany: async (query) => (query.where.some(({ value }) => value === null) ? 0 : adapter.updateMany(query)),
})

/** Hides the error code of the database. */
export const hidesCodes: Misbehaviour = (adapter) => ({
  create: async (query) => {
    try {
      return await adapter.create(query)
    } catch {
      throw new Error('E_SOMETHING')
    }
  },
})

/** Returns the times of a table that are read at another time. */
export function movesDates(model: string, move: (time: number) => number): Misbehaviour {
  return (adapter) => ({
    async findOne<Row>(query: Parameters<DBAdapter['findOne']>[0]) {
      const row = await adapter.findOne<Record<string, unknown>>(query)
      if (!row || query.model !== model) return row as Row | null
      const moved = Object.entries(row).map(([name, value]) => [
        name,
        value instanceof Date ? new Date(move(value.getTime())) : value,
      ])
      return Object.fromEntries(moved) as Row
    },
  })
}

/** Drops milliseconds, as `datetime` without a precision does. */
export const dropsMilliseconds: Misbehaviour = movesDates('latchkeyPrincipal', (time) => Math.floor(time / 1000) * 1000)

/** Keeps what a transaction wrote before it failed. */
export const keepsHalf: Misbehaviour = (adapter) => ({ transaction: (callback) => callback(adapter) })
