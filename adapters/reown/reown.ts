import { conflictError, conflictsIn, refuseNullKeys } from './collisions.ts'
import { type ReownDatabase, run } from './database.ts'
import { dialectOf } from './dialects.ts'
import { type Entry, atomically, countRows, journalNames } from './journal.ts'
import { type OwnedTable, type OwnerColumns, type Plan, nameOf, planOf } from './plan.ts'
import { type Move, cell, comparedColumns, fingerprintOf, isOwnedBy, keyOf, movedCell } from './rows.ts'
import { type Sql, join, raw, sql } from './sql.ts'

/** What {@link reown} moves, and where it finds it. */
export interface ReownOptions extends OwnerColumns {
  /** The principal that has the rows. */
  readonly from: string
  /** The principal that gets them. */
  readonly to: string
  /** In milliseconds since 1970. Defaults to the system clock. */
  readonly now?: number
}

/** How many rows were moved, by table. Tables without such rows are left out. */
export type MovedRows = Readonly<Record<string, number>>

/**
 * Gives all rows of one principal to another one, and writes a journal from which {@link undoReown} takes them back.
 * All or nothing: a failure changes nothing, and leaves the transaction usable.
 *
 * The statements work on sets of rows, and their number depends only on the number of tables and indexes. Rows that
 * are inserted meanwhile are not moved.
 *
 * @param db - a connection with an open transaction; in SQLite it may be without one
 * @returns how many rows were moved, by table
 * @throws {LatchkeyError} `REOWN_CONFLICT`, a {@link ReownConflictError}: both principals have a row that must be
 *   unique; `REOWN_TABLE_UNSUITABLE`: a table has no primary key, or a column does not exist; `DATABASE_NOT_MIGRATED`:
 *   the journal is missing
 * @throws {TypeError} an option is invalid, or there is no transaction
 */
export async function reown(db: ReownDatabase, options: ReownOptions): Promise<MovedRows> {
  const move = readMove(options)
  if (!options.tables?.length && !options.foreignKeysTo) throw new TypeError('expected tables or foreignKeysTo')
  return atomically(db, async () => {
    const plan = await planOf(db, options)
    await refuse(db, plan, move)
    const entries = plan.tables.map((owned) => ({ owned, entry: newEntry(owned) }))
    for (const { owned, entry } of entries) await writeKeys(db, owned, entry, move)
    await updateAll(
      db,
      plan,
      plan.tables.map((owned) => updateOf(db, owned, entries.find((one) => one.owned === owned)!.entry, move)),
    )
    const moved: Record<string, number> = {}
    for (const { owned, entry } of entries) {
      const rows = await countRows(db, entry)
      if (rows === 0) continue
      moved[entry.label] = rows
      await writeFingerprints(db, owned, entry, move)
      await writeEntry(db, entry, move, options.now ?? Date.now())
    }
    return moved
  })
}

/** @throws {TypeError} */
export function readMove({ from, to }: Move): Move {
  for (const [name, value] of Object.entries({ from, to }))
    if (typeof value !== 'string' || value === '') throw new TypeError(`${name}: expected a principal`)
  if (from === to) throw new TypeError('from and to: expected two principals')
  return { from, to }
}

async function refuse(db: ReownDatabase, { tables }: Plan, move: Move): Promise<void> {
  const conflicts = []
  for (const owned of tables) {
    await refuseNullKeys(db, owned, move.from)
    conflicts.push(...(await conflictsIn(db, owned, move)))
  }
  if (conflicts.length > 0) throw conflictError(conflicts)
}

function newEntry(owned: OwnedTable): Entry {
  const { schema, table, label } = owned.table
  const names = (columns: OwnedTable['owners']): string[] => columns.map(({ name }) => name)
  const [owners, key, compared] = [names(owned.owners), names(owned.key), names(comparedColumns(owned))]
  return { id: crypto.randomUUID(), schema, table, label, owners, key, compared }
}

/** One row of the journal for each cell that is to be moved. Meanwhile other transactions cannot change those rows. */
async function writeKeys(db: ReownDatabase, owned: OwnedTable, { id }: Entry, move: Move): Promise<void> {
  const dialect = dialectOf(db)
  const { rows, rowKey, ownerColumn, isUntouched } = journalNames(db)
  for (const [at, owner] of owned.owners.entries()) {
    await run(
      db,
      sql`insert into ${rows} (move, ${rowKey}, ${ownerColumn}, ${isUntouched})
        select ${id}, ${keyOf(dialect, owned, move)}, ${raw(String(at))}, 0 from ${nameOf(dialect, owned.table)}
        where ${cell(dialect, owner)} = ${move.from}${dialect.lock}`,
    )
  }
}

function updateOf(db: ReownDatabase, owned: OwnedTable, { id }: Entry, move: Move): Sql {
  const dialect = dialectOf(db)
  const { rows, rowKey } = journalNames(db)
  const set = owned.owners.map((owner) => sql`${dialect.quote(owner.name)} = ${movedCell(dialect, owner, move)}`)
  return sql`update ${nameOf(dialect, owned.table)} set ${join(set, ', ')}
    where ${isOwnedBy(dialect, owned.owners, move.from)}
    and exists (select 1 from ${rows} j where j.move = ${id} and j.${rowKey} = ${keyOf(dialect, owned, move)})`
}

/** Moves rows of several tables, which may reference each other by what is moved. */
export async function updateAll(db: ReownDatabase, { edges }: Plan, updates: readonly Sql[]): Promise<void> {
  const { deferForeignKeys } = dialectOf(db)
  if (edges.length > 0 && deferForeignKeys) await run(db, deferForeignKeys)
  // Postgres checks foreign keys at the end of a statement.
  if (db.dialect === 'postgres' && updates.length > 1) {
    const parts = updates.map((update, at) => sql`${raw(`u${at}`)} as (${update} returning 1)`)
    await run(db, sql`with ${join(parts, ', ')} select 1 as n`)
  } else for (const update of updates) await run(db, update)
}

/** After the update: what triggers of the application change with it counts as no touch. */
async function writeFingerprints(db: ReownDatabase, owned: OwnedTable, { id }: Entry, { to }: Move): Promise<void> {
  const dialect = dialectOf(db)
  const { rowKey, fingerprint } = journalNames(db)
  await run(
    db,
    dialect.updateJournal(
      fingerprint,
      fingerprintOf(dialect, comparedColumns(owned)),
      nameOf(dialect, owned.table),
      sql`j.move = ${id} and j.${rowKey} = ${keyOf(dialect, owned)} and ${isOwnedBy(dialect, owned.owners, to)}`,
    ),
  )
}

async function writeEntry(db: ReownDatabase, { id, ...entry }: Entry, { from, to }: Move, now: number): Promise<void> {
  const { entries, movedAt, plan } = journalNames(db)
  await run(
    db,
    sql`insert into ${entries} (id, source, target, ${movedAt}, ${plan})
      values (${id}, ${from}, ${to}, ${now}, ${JSON.stringify(entry)})`,
  )
}
