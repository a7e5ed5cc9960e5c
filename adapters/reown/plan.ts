import { LatchkeyError } from '../../lib/server.ts'
import type { ReownDatabase } from './database.ts'
import type { Column, Dialect, ForeignKey, Table, TableName } from './dialect.ts'
import { dialectOf } from './dialects.ts'
import { type Sql, sql } from './sql.ts'

/** A column that holds principals. */
export interface OwnerColumn {
  readonly table: string
  readonly column: string
  /** Defaults to what the connection finds without: `search_path` in Postgres, the current database in MariaDB. */
  readonly schema?: string
}

/** Where the principals are. One of both is required. */
export interface OwnerColumns {
  /** Columns that hold principals. Those that reference them by a foreign key follow. */
  readonly tables?: readonly OwnerColumn[]
  /** A column of all principals, which does not move itself: every column that references it holds principals. */
  readonly foreignKeysTo?: OwnerColumn
}

/** A table with the columns that are moved. */
export interface OwnedTable {
  readonly table: Table
  readonly owners: readonly Column[]
  /** The primary key, in order. */
  readonly key: readonly Column[]
}

/** A foreign key between two columns that are moved. */
export interface Edge {
  readonly child: Owner
  readonly parent: Owner
  readonly columns: ForeignKey['columns']
}

interface Owner {
  readonly table: Table
  readonly column: Column
}

/** What is moved: tables that are referenced come before those that reference them. */
export interface Plan {
  readonly tables: readonly OwnedTable[]
  readonly edges: readonly Edge[]
}

/** @throws {LatchkeyError} `REOWN_TABLE_UNSUITABLE` */
export async function planOf(db: ReownDatabase, { tables = [], foreignKeysTo }: OwnerColumns): Promise<Plan> {
  const dialect = dialectOf(db)
  const named = [...tables, ...(foreignKeysTo ? [foreignKeysTo] : [])]
  const schemas = named.flatMap(({ schema }) => schema ?? [])
  const foreignKeys = await dialect.foreignKeys(db, schemas)
  const locate = locator(db, dialect)
  const root = foreignKeysTo && (await locate(foreignKeysTo))
  const waiting = root ? [root] : []
  for (const owner of tables) waiting.push(await locate(owner))
  const found = new Map<string, Owner>()
  // The list grows by what references its members.
  for (const owner of waiting) {
    if (found.has(idOf(owner))) continue
    found.set(idOf(owner), owner)
    for (const child of childrenOf(dialect, owner, foreignKeys)) waiting.push(await locate(child))
  }
  if (root) found.delete(idOf(root))
  const owners = [...found.values()]
  const edges = edgesOf(dialect, owners, foreignKeys)
  return { tables: parentsFirst(ownedTables(db, owners), edges), edges }
}

function idOf({ table, column }: Owner): string {
  return JSON.stringify([table.schema, table.table, column.name])
}

/** Reads each table once. */
function locator(db: ReownDatabase, dialect: Dialect): (owner: OwnerColumn) => Promise<Owner> {
  const read = new Map<string, Promise<Table | null>>()
  return async ({ schema = null, table: name, column: wanted }) => {
    const id = JSON.stringify([schema, dialect.fold(name)])
    if (!read.has(id)) read.set(id, dialect.table(db, { schema, table: name }))
    const table = await read.get(id)!
    const column = table?.columns.find((one) => dialect.fold(one.name) === dialect.fold(wanted))
    if (!table || !column) throw unsuitable(name, `there is no column ${wanted}`)
    return { table, column }
  }
}

function unsuitable(table: string, reason: string): LatchkeyError {
  return new LatchkeyError('REOWN_TABLE_UNSUITABLE', `${table}: ${reason}`)
}

function isTable(dialect: Dialect, one: TableName, other: TableName): boolean {
  return one.schema === other.schema && dialect.fold(one.table) === dialect.fold(other.table)
}

function childrenOf(dialect: Dialect, { table, column }: Owner, foreignKeys: readonly ForeignKey[]): OwnerColumn[] {
  return foreignKeys
    .filter(({ parent }) => isTable(dialect, parent, table))
    .flatMap(({ child: { schema, table: name }, columns }) =>
      columns
        .filter(({ parent }) => dialect.fold(parent ?? '') === dialect.fold(column.name))
        .map(({ child }) => ({ ...(schema !== null && { schema }), table: name, column: child })),
    )
}

function edgesOf(dialect: Dialect, owners: readonly Owner[], foreignKeys: readonly ForeignKey[]): Edge[] {
  const find = (name: TableName, wanted: string): Owner | undefined =>
    owners.find(
      ({ table, column }) => isTable(dialect, table, name) && dialect.fold(column.name) === dialect.fold(wanted),
    )
  return foreignKeys.flatMap(({ child, parent, columns }) =>
    columns.flatMap((pair) => {
      const [low, high] = [find(child, pair.child), find(parent, pair.parent ?? '')]
      return low && high ? [{ child: low, parent: high, columns }] : []
    }),
  )
}

function ownedTables(db: ReownDatabase, owners: readonly Owner[]): OwnedTable[] {
  const tables = [...new Set(owners.map(({ table }) => table))]
  return tables.map((table) => {
    const columns = owners.filter((owner) => owner.table === table).map(({ column }) => column)
    const key = table.columns.filter(({ keyPosition }) => keyPosition > 0)
    key.sort((one, other) => one.keyPosition - other.keyPosition)
    if (key.length === 0) throw unsuitable(table.label, 'it has no primary key')
    if (columns.some(({ isGenerated }) => isGenerated)) throw unsuitable(table.label, 'its owner column is generated')
    // An assignment there sees those before it, so that the second one could no longer find the row.
    if (db.dialect === 'mysql' && columns.filter(({ keyPosition }) => keyPosition > 0).length > 1)
      throw unsuitable(table.label, 'two owner columns are part of its primary key')
    return { table, owners: columns, key }
  })
}

function parentsFirst(tables: readonly OwnedTable[], edges: readonly Edge[]): OwnedTable[] {
  const sorted = new Set<OwnedTable>()
  const visited = new Set<OwnedTable>()
  const visit = (owned: OwnedTable): void => {
    if (visited.has(owned)) return
    visited.add(owned)
    for (const { child, parent } of edges)
      if (child.table === owned.table) visit(tables.find(({ table }) => table === parent.table)!)
    sorted.add(owned)
  }
  for (const owned of tables) visit(owned)
  return [...sorted]
}

/** A table's name in a statement, with its alias. */
export function nameOf(dialect: Dialect, { schema, table }: TableName, alias = 't'): Sql {
  const name = schema === null ? dialect.quote(table) : sql`${dialect.quote(schema)}.${dialect.quote(table)}`
  return sql`${name} as ${dialect.quote(alias)}`
}
