import { describe, expect, test } from 'vitest'
import { SEED, fc } from '../../lib/seeded.testing.ts'
import { type Connection, onEachEngine } from './databases.testing.ts'
import { isReownConflict, reown, undoReown } from './index.ts'
import {
  type RowModel,
  type SchemaModel,
  type TableModel,
  contentFor,
  contentOf,
  create,
  drop,
  ownersOf,
  schemas,
  violates,
} from './random.testing.ts'

/** A schema takes a tenth of a second in Postgres, and longer in MariaDB. */
const RUNS = { sqlite: 300, postgres: 100, mysql: 50 }

const runsOn = ({ dialect }: Connection): number => Number(process.env['LATCHKEY_REOWN_RUNS'] ?? RUNS[dialect])

/** A guard against hanging, not a limit on speed. */
const TIMEOUT_MS = 36_000_000

const MOVE = { from: 'device', to: 'account' }

/** The rows as they must be afterwards. */
function moved({ owners, rows, ...model }: TableModel): TableModel {
  const to = (owner: string | null): string | null => (owner === MOVE.from ? MOVE.to : owner)
  return {
    ...model,
    owners,
    rows: rows.map((row) => ({
      ...row,
      owner: to(row.owner),
      editor: owners.includes('editor') ? to(row.editor) : row.editor,
    })),
  }
}

function countsOf(tables: readonly TableModel[], isCounted: (row: RowModel) => boolean): Record<string, number> {
  const counts = tables.map(({ name, rows }) => [name, rows.filter(isCounted).length] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

const isFrom = ({ owner, editor }: RowModel): boolean => owner === MOVE.from || editor === MOVE.from

/**
 * MariaDB checks foreign keys row by row, does not cascade into a table that it comes from, and not from a column that
 * may be null into one that may not.
 */
function suited({ tables, ...rest }: SchemaModel, db: Connection): SchemaModel {
  const isRefused = ({ link, key }: TableModel): boolean =>
    db.dialect === 'mysql' && (link === 'selfOwned' || (link === 'previousOwned' && key === 'owner'))
  return { ...rest, tables: tables.map((model) => (isRefused(model) ? { ...model, link: 'none' } : model)) }
}

async function journalOf(db: Connection): Promise<unknown[]> {
  return db.execute(
    `select id from ${db.quote('latchkeyReown')} union all select move from ${db.quote('latchkeyReownRow')}`,
  )
}

describe('random schemas and rows', { timeout: TIMEOUT_MS }, () => {
  onEachEngine((open) => {
    test(`are as before after an undo (seed ${SEED})`, async () => {
      const db = await open()
      const seen = { moves: 0, conflicts: 0, rows: 0, kept: 0 }
      const property = fc.asyncProperty(
        schemas,
        fc.nat(),
        fc.constantFrom('edit', 'delete', 'none'),
        async (model, at, touch) => {
          const schema = suited(model, db)
          try {
            await create(db, schema)
            await check(db, schema, { at, touch }, seen)
          } finally {
            await drop(db, schema)
          }
        },
      )
      await fc.assert(property, { numRuns: runsOn(db), seed: SEED })
      console.warn(`reown, ${db.dialect}: seed ${SEED}, ${JSON.stringify(seen)}`)
      expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
    })
  })
})

type Touch = { readonly at: number; readonly touch: 'edit' | 'delete' | 'none' }

async function check(
  db: Connection,
  schema: SchemaModel,
  touch: Touch,
  seen: Record<'moves' | 'conflicts' | 'rows' | 'kept', number>,
): Promise<void> {
  const options = { ...MOVE, ...ownersOf(schema) }
  const before = contentFor(schema.tables)
  expect(await contentOf(db, schema)).toEqual(before)
  const after = schema.tables.map(moved)
  const outcome = await db.transaction(() => reown(db, options)).catch((error: unknown) => error)
  if (after.some((table) => violates(table, table.rows))) {
    seen.conflicts++
    expect(isReownConflict(outcome) && outcome.conflicts.length > 0, String(outcome)).toBe(true)
    expect(await contentOf(db, schema)).toEqual(before)
    expect(await journalOf(db)).toEqual([])
    return
  }
  const counts = countsOf(schema.tables, isFrom)
  expect(outcome).toEqual(counts)
  expect(await contentOf(db, schema)).toEqual(contentFor(after))
  seen.moves++
  for (const count of Object.values(counts)) seen.rows += count
  // Undone, and done again, with a row that is touched in between.
  const undone = await db.transaction(() => undoReown(db, MOVE))
  expect(undone).toEqual({ returned: counts, kept: {} })
  expect(await contentOf(db, schema)).toEqual(before)
  expect(await journalOf(db)).toEqual([])
  await db.transaction(() => reown(db, options))
  const touched = await touchOne(db, schema, touch)
  const again = await db.transaction(() => undoReown(db, MOVE))
  const sum = (one: Readonly<Record<string, number>>): number => Object.values(one).reduce((total, n) => total + n, 0)
  expect(sum(again.returned) + sum(again.kept)).toBe(sum(counts))
  expect(sum(again.kept) > 0).toBe(touched !== null)
  seen.kept += sum(again.kept)
  const left = await contentOf(db, schema)
  for (const { name, link, rows } of schema.tables) {
    const isLinked = schema.tables.some((one) => one.link.endsWith('Owned'))
    const expected = contentFor(schema.tables)[name]!
    if (isLinked && touched !== null) continue
    const others = (list: unknown[]): unknown[] =>
      list.filter((row) => name !== touched?.name || (row as RowModel).id !== touched.id)
    expect(others(left[name]!), `${name}, ${link}, ${rows.length} rows`).toEqual(others(expected))
  }
  expect(await journalOf(db)).toEqual([])
}

/** Changes one of the moved rows, which no other row references. */
async function touchOne(
  db: Connection,
  schema: SchemaModel,
  { at, touch }: Touch,
): Promise<{ name: string; id: number } | null> {
  const isParent = (name: string, { id }: RowModel): boolean =>
    schema.tables.some(
      (child, index) =>
        (child.name === name || schema.tables[index - 1]?.name === name) &&
        child.rows.some(({ parent }) => parent === id),
    )
  const candidates = schema.tables.flatMap(({ name, rows }) =>
    rows.filter((row) => isFrom(row) && !isParent(name, row)).map(({ id }) => ({ name, id })),
  )
  if (touch === 'none' || candidates.length === 0) return null
  const chosen = candidates[at % candidates.length]!
  const where = `where id = ${chosen.id}`
  const table = db.quote(chosen.name)
  const changed = `case when slug = 'a' then 'changed' else 'b' end`
  if (touch === 'delete') await db.execute(`delete from ${table} ${where}`)
  else await db.execute(`update ${table} set tenant = tenant + 5, body = ${changed} ${where}`)
  return chosen
}
