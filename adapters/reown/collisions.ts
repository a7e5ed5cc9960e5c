import { LatchkeyError, isLatchkeyError } from '../../lib/server.ts'
import { type ReownDatabase, count, run } from './database.ts'
import type { Dialect, Unique, UniqueMember } from './dialect.ts'
import { dialectOf } from './dialects.ts'
import { type OwnedTable, nameOf } from './plan.ts'
import { type Move, cell, isOwnedBy, keyOf, movedCell } from './rows.ts'
import { type Sql, all, either, join, raw, sql } from './sql.ts'

/** Two rows that a unique index does not allow under one owner. */
export interface ReownConflict {
  /** The table's name, with its schema unless the connection finds it without. */
  readonly table: string
  /** The name of the unique index or constraint. */
  readonly index: string
  /** The primary key of the row that was to be moved. */
  readonly row: Readonly<Record<string, unknown>>
  /** The primary key of the row that has the place. */
  readonly other: Readonly<Record<string, unknown>>
}

/** A `REOWN_CONFLICT`. */
export interface ReownConflictError extends LatchkeyError {
  /** At most 20 for each index. Empty if only the database knew of the conflict. */
  readonly conflicts: readonly ReownConflict[]
}

/** Returns true for a `REOWN_CONFLICT`, whose rows it then names. */
export function isReownConflict(error: unknown): error is ReownConflictError {
  return isLatchkeyError(error, 'REOWN_CONFLICT')
}

const MAX_CONFLICTS = 20

export function conflictError(conflicts: readonly ReownConflict[], cause?: unknown): ReownConflictError {
  const tables = [...new Set(conflicts.map(({ table, index }) => `${table} (${index})`))]
  const detail = tables.length > 0 ? `both have rows that must be unique: ${tables.join(', ')}` : undefined
  return Object.assign(new LatchkeyError('REOWN_CONFLICT', detail, cause), { conflicts })
}

/** Returns the conflicts of a move with rows that are there. */
export async function conflictsIn(db: ReownDatabase, owned: OwnedTable, move: Move): Promise<ReownConflict[]> {
  const dialect = dialectOf(db)
  const conflicts: ReownConflict[] = []
  for (const unique of uniquesWithOwners(owned)) {
    const owners = ownersIn(owned, unique)
    const names = (alias: string): Sql[] =>
      owned.key.map((_, at) => sql`${raw(`${alias}.k${at}`)} as ${raw(`${alias}${at}`)}`)
    const rows = await run<Record<string, unknown>>(
      db,
      sql`select ${join([...names('a'), ...names('b')], ', ')} from ${collisions(dialect, owned, unique, {
        moved: { where: isOwnedBy(dialect, owners, move.from), move },
        other: { where: isOwnedBy(dialect, owners, move.from, move.to), move },
      })} limit ${raw(String(MAX_CONFLICTS))}`,
    )
    const keyIn = (row: Record<string, unknown>, alias: string): Record<string, unknown> =>
      Object.fromEntries(owned.key.map(({ name }, at) => [name, row[`${alias}${at}`]]))
    for (const row of rows)
      conflicts.push({ table: owned.table.label, index: unique.name, row: keyIn(row, 'a'), other: keyIn(row, 'b') })
  }
  return conflicts
}

/** The unique indexes that a move can violate. */
export function uniquesWithOwners(owned: OwnedTable): Unique[] {
  return owned.table.uniques.filter((unique) => ownersIn(owned, unique).length > 0)
}

export function ownersIn({ owners }: OwnedTable, { members }: Unique): OwnedTable['owners'] {
  return owners.filter(({ name }) => members.some(({ column }) => column === name))
}

interface Side {
  readonly where: Sql
  /** As it will be after this move; as it is by default. */
  readonly move?: Move
}

/**
 * Two subqueries joined where a unique index would refuse: `a` is a row that is moved, `b` another one. Both have the
 * text `k` of their key, and its values `k0`, `k1` …
 */
export function collisions(
  dialect: Dialect,
  owned: OwnedTable,
  unique: Unique,
  { moved, other }: Record<'moved' | 'other', Side>,
): Sql {
  const value = (member: UniqueMember, move: Move | undefined): Sql => {
    const owner = owned.owners.find(({ name }) => name === member.column)
    return owner && move ? movedCell(dialect, owner, move) : member.value
  }
  const rows = ({ where, move }: Side): Sql => {
    const values = unique.members.map((member, at) => sql`${value(member, move)} as ${raw(`u${at}`)}`)
    const keys = owned.key.map((column, at) => sql`${cell(dialect, column)} as ${raw(`k${at}`)}`)
    const covered = unique.predicate ? all([where, unique.predicate]) : where
    const columns = join([sql`${keyOf(dialect, owned)} as k`, ...keys, ...values], ', ')
    return sql`(select ${columns} from ${nameOf(dialect, owned.table)} where ${covered})`
  }
  const same = unique.members.map(({ collation }, at) => {
    const equals = raw(unique.areNullsEqual ? 'is not distinct from' : '=')
    return sql`${raw(`a.u${at}`)} ${equals} ${raw(`b.u${at}`)}${collation}`
  })
  return sql`${rows(moved)} a join ${rows(other)} b on ${all([...same, sql`a.k <> b.k`])}`
}

/** SQLite allows several nulls in most primary keys: such rows cannot be told apart. */
export async function refuseNullKeys(
  db: ReownDatabase,
  { table, owners, key }: OwnedTable,
  from: string,
): Promise<void> {
  if (db.dialect !== 'sqlite') return
  const dialect = dialectOf(db)
  const isNull = either(key.map((column) => sql`${cell(dialect, column)} is null`))
  const where = all([isOwnedBy(dialect, owners, from), isNull])
  if ((await count(db, sql`select count(*) as n from ${nameOf(dialect, table)} where ${where}`)) > 0)
    throw new LatchkeyError('REOWN_TABLE_UNSUITABLE', `${table.label}: a row has null in its primary key`)
}
