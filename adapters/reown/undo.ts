import { ALIAS_HOLD_MS } from '../../lib/server-kit.ts'
import { collisions, ownersIn, uniquesWithOwners } from './collisions.ts'
import { type ReownDatabase, count, run } from './database.ts'
import type { Column } from './dialect.ts'
import { dialectOf } from './dialects.ts'
import { type Entry, atomically, countRows, journalNames, unlessTaken } from './journal.ts'
import { type Edge, type OwnedTable, type Plan, nameOf, planOf } from './plan.ts'
import { type MovedRows, readMove, updateAll } from './reown.ts'
import { type Move, cell, fingerprintOf, isOwnedBy, keyOf } from './rows.ts'
import { type Sql, all, either, join, raw, sql } from './sql.ts'

/** What {@link undoReown} did. */
export interface UndoneMove {
  /** How many rows the first principal has again, by table. */
  readonly returned: MovedRows
  /** How many moved rows stay: they were changed or deleted, or their place is taken. */
  readonly kept: MovedRows
}

/** An entry of the journal with the table as it is now; null if it has lost a column that the entry names. */
interface Step {
  readonly entry: Entry
  readonly owned: OwnedTable | null
}

/**
 * Gives rows back that {@link reown} moved in the last 30 days, if nothing has changed them since. Until then no other
 * account can have the first principal, even after `unlinkAlias`. What the journal has of these moves is deleted.
 *
 * Rows whose foreign keys contain their owner are given back together or not at all.
 *
 * @param db - a connection with an open transaction; in SQLite it may be without one
 * @param options - `from` and `to` as they were in {@link reown}; `now` in milliseconds since 1970 (the system clock)
 * @returns how many rows were given back and how many were not, by table; both are empty if there was no move
 * @throws {LatchkeyError} `DATABASE_NOT_MIGRATED`: the journal is missing
 * @throws {TypeError} an option is invalid, or there is no transaction
 */
export async function undoReown(db: ReownDatabase, options: Move & { readonly now?: number }): Promise<UndoneMove> {
  const move = readMove(options)
  return atomically(db, async () => {
    const entries = await entriesOf(db, move, (options.now ?? Date.now()) - ALIAS_HOLD_MS)
    const { steps, plan } = await stepsOf(db, entries)
    for (const step of steps) await markUntouched(db, step, move)
    await keepLinked(db, plan, steps, move)
    for (const tables of groupsOf(plan)) await giveBack(db, { ...plan, tables }, steps, move)
    const undone = { returned: {}, kept: {} }
    for (const { entry } of steps) await settle(db, entry, undone)
    return undone
  })
}

/**
 * Deletes what the journal has of moves that can no longer be undone.
 *
 * @param now - in milliseconds since 1970. Defaults to the system clock
 */
export async function pruneReowned(db: ReownDatabase, now: number = Date.now()): Promise<void> {
  const { entries, rows, movedAt } = journalNames(db)
  const isOver = sql`${movedAt} < ${now - ALIAS_HOLD_MS}`
  await run(db, sql`delete from ${rows} where move in (select id from ${entries} where ${isOver})`)
  await run(db, sql`delete from ${entries} where ${isOver}`)
}

/** The newest first. Another undo of the same move waits. */
async function entriesOf(db: ReownDatabase, { from, to }: Move, since: number): Promise<Entry[]> {
  const { entries, movedAt, plan } = journalNames(db)
  const rows = await run<{ id: string; entry: string }>(
    db,
    sql`select id, ${plan} as entry from ${entries}
      where source = ${from} and target = ${to} and ${movedAt} >= ${since}
      order by ${movedAt} desc, id${dialectOf(db).lock}`,
  )
  return rows.map(({ id, entry }) => ({ ...(JSON.parse(entry) as Omit<Entry, 'id'>), id }))
}

/** What became of the tables since. */
async function stepsOf(db: ReownDatabase, entries: readonly Entry[]): Promise<{ steps: Step[]; plan: Plan }> {
  const dialect = dialectOf(db)
  const present: Entry[] = []
  for (const entry of entries) {
    const table = await dialect.table(db, entry)
    const key = table?.columns.filter(({ keyPosition }) => keyPosition > 0).map(({ name }) => name) ?? []
    const names = new Set(table?.columns.map(({ name }) => name))
    const isSameKey = key.length === entry.key.length && key.every((name) => entry.key.includes(name))
    if (isSameKey && [...entry.owners, ...entry.compared].every((name) => names.has(name))) present.push(entry)
  }
  const tables = present.flatMap(({ schema, table, owners }) =>
    owners.map((column) => ({ ...(schema !== null && { schema }), table, column })),
  )
  const plan = await planOf(db, { tables })
  const find = ({ schema, table: name }: Entry): OwnedTable =>
    plan.tables.find(({ table }) => table.schema === schema && table.table === name)!
  return { plan, steps: entries.map((entry) => ({ entry, owned: present.includes(entry) ? find(entry) : null })) }
}

function ownersOf({ owners }: Entry, owned: OwnedTable): Column[] {
  return owners.map((name) => owned.owners.find((column) => column.name === name)!)
}

async function markUntouched(db: ReownDatabase, { entry, owned }: Step, { from, to }: Move): Promise<void> {
  if (!owned) return
  const dialect = dialectOf(db)
  const { rows, rowKey, ownerColumn, fingerprint, isUntouched } = journalNames(db)
  const table = nameOf(dialect, owned.table)
  const owners = ownersOf(entry, owned)
  const isListed = sql`j.move = ${entry.id} and j.${rowKey} = ${keyOf(dialect, owned)}`
  if (dialect.lock.parts[0] !== '') {
    const listed = sql`exists (select 1 from ${rows} j where ${isListed})`
    const where = all([isOwnedBy(dialect, owners, to), listed])
    await count(db, sql`select count(*) as n from (select 1 as x from ${table} where ${where}${dialect.lock}) l`)
  }
  const compared = owned.table.columns.filter(({ name }) => entry.compared.includes(name))
  const isOwner = either(
    owners.map((owner, at) => sql`j.${ownerColumn} = ${raw(String(at))} and ${cell(dialect, owner)} = ${to}`),
  )
  const isSame = sql`j.${fingerprint} = ${fingerprintOf(dialect, compared)}`
  await run(db, dialect.updateJournal(isUntouched, sql`1`, table, all([isListed, isOwner, isSame])))
  for (const unique of uniquesWithOwners(owned)) {
    const columns = ownersIn(owned, unique)
    const pairs = collisions(dialect, owned, unique, {
      moved: { where: isOwnedBy(dialect, columns, to), move: { from: to, to: from } },
      other: { where: isOwnedBy(dialect, columns, from) },
    })
    await run(
      db,
      sql`update ${rows} set ${isUntouched} = 0 where move = ${entry.id} and ${rowKey} in (select a.k from ${pairs})`,
    )
  }
}

/** Rows that reference each other by their owner must keep the same one. */
async function keepLinked(db: ReownDatabase, { edges }: Plan, steps: readonly Step[], { to }: Move): Promise<void> {
  const dialect = dialectOf(db)
  const isReturned = (owner: Edge['child'], alias: string): Sql => isListed(db, steps, owner, { alias })
  for (const edge of edges) {
    const { child, parent, columns } = edge
    const pairs = columns.map(
      (pair) => sql`${cell(dialect, { name: pair.child }, 'c')} = ${cell(dialect, { name: pair.parent }, 'p')}`,
    )
    const tables = sql`${nameOf(dialect, child.table, 'c')} join ${nameOf(dialect, parent.table, 'p')} on ${all(pairs)}`
    const parts = sql`${isReturned(child, 'c')} <> ${isReturned(parent, 'p')}`
    const where = sql`${cell(dialect, child.column, 'c')} = ${to} and ${parts}`
    if ((await count(db, sql`select count(*) as n from ${tables} where ${where}`)) === 0) continue
    const linked = linkedIn(edges)
    return keepAll(db, steps, ({ table }) => linked.has(table))
  }
}

function linkedIn(edges: Plan['edges']): Set<unknown> {
  return new Set(edges.flatMap(({ child, parent }) => [child.table, parent.table]))
}

async function keepAll(db: ReownDatabase, steps: readonly Step[], isOf: (owned: OwnedTable) => boolean): Promise<void> {
  const { rows, isUntouched } = journalNames(db)
  for (const { entry, owned } of steps)
    if (owned && isOf(owned)) await run(db, sql`update ${rows} set ${isUntouched} = 0 where move = ${entry.id}`)
}

/** Tables that reference each other are given back together, every other one for itself. */
function groupsOf({ tables, edges }: Plan): (readonly OwnedTable[])[] {
  const linked = linkedIn(edges)
  const [together, alone] = [true, false].map((isLinked) =>
    tables.filter(({ table }) => linked.has(table) === isLinked),
  )
  return [together!, ...alone!.map((owned) => [owned])].filter(({ length }) => length > 0)
}

/** Where only the database knows that a place is taken, it does not tell whose: all rows of these tables are kept. */
async function giveBack(db: ReownDatabase, plan: Plan, steps: readonly Step[], move: Move): Promise<void> {
  const isDone = await unlessTaken(db, () => updateAll(db, plan, updatesOf(db, plan, steps, move)))
  if (!isDone) await keepAll(db, steps, (owned) => plan.tables.includes(owned))
}

/** True for a row whose owner column is to be given back. */
function isListed(
  db: ReownDatabase,
  steps: readonly Step[],
  { table, column }: Pick<Edge['child'], 'table' | 'column'>,
  { alias, move }: { readonly alias?: string; readonly move?: Move },
): Sql {
  const dialect = dialectOf(db)
  const { rows, rowKey, ownerColumn, isUntouched } = journalNames(db)
  const own = steps.filter(({ entry, owned }) => owned?.table === table && entry.owners.includes(column.name))
  const [first] = own
  if (!first) return sql`(1 = 0)`
  const places = own.map(({ entry }) => {
    const at = raw(String(entry.owners.indexOf(column.name)))
    return sql`j.move = ${entry.id} and j.${ownerColumn} = ${at}`
  })
  const key = keyOf(dialect, first.owned!, move, alias)
  const isThisRow = sql`j.${rowKey} = ${key} and j.${isUntouched} = 1`
  return sql`(exists (select 1 from ${rows} j where ${either(places)} and ${isThisRow}))`
}

function updatesOf(db: ReownDatabase, { tables }: Plan, steps: readonly Step[], { from, to }: Move): Sql[] {
  const dialect = dialectOf(db)
  return tables
    .filter(({ table }) => steps.some(({ owned }) => owned?.table === table))
    .map(({ table, owners }) => {
      // In MariaDB an assignment sees those before it; the key is needed up to the last one.
      const ordered = [...owners].sort((one, other) => one.keyPosition - other.keyPosition)
      // A foreign key may have given the row's owner back already: its key is that of the journal after a move.
      const isMoved = (column: Column): Sql =>
        sql`(${cell(dialect, column)} = ${to} and ${isListed(db, steps, { table, column }, { move: { from, to } })})`
      const set = ordered.map((column) => {
        const present = cell(dialect, column)
        return sql`${dialect.quote(column.name)} = case when ${isMoved(column)} then ${from} else ${present} end`
      })
      return sql`update ${nameOf(dialect, table)} set ${join(set, ', ')} where ${either(owners.map(isMoved))}`
    })
}

/** Counts what became of an entry, and deletes it. */
async function settle(
  db: ReownDatabase,
  entry: Entry,
  { returned, kept }: Record<'returned' | 'kept', Record<string, number>>,
): Promise<void> {
  const { entries, rows, isUntouched } = journalNames(db)
  const before = await countRows(db, entry)
  const back = await countRows(db, entry, sql`${isUntouched} = 1`)
  if (back > 0) returned[entry.label] = (returned[entry.label] ?? 0) + back
  if (back < before) kept[entry.label] = (kept[entry.label] ?? 0) + before - back
  await run(db, sql`delete from ${rows} where move = ${entry.id}`)
  await run(db, sql`delete from ${entries} where id = ${entry.id}`)
}
