import type { ReownDatabase } from './database.ts'
import type { Sql } from './sql.ts'

/** A table's name. */
export interface TableName {
  /** Null in SQLite. */
  readonly schema: string | null
  readonly table: string
}

/** A column of a table. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly isGenerated: boolean
  /** In the primary key, from 1; 0 if it is not part of it. */
  readonly keyPosition: number
}

/** A unique index or constraint, the primary key included. */
export interface Unique {
  readonly name: string
  readonly members: readonly UniqueMember[]
  /** Of a partial index: the rows that it covers. */
  readonly predicate: Sql | null
  /** True if two nulls are equal. */
  readonly areNullsEqual: boolean
}

/** A column or an expression in a unique index. */
export interface UniqueMember {
  /** Null for an expression. */
  readonly column: string | null
  /** Its value in a row of the table `t`. */
  readonly value: Sql
  /** How two values are compared, if not as their column is. */
  readonly collation: Sql
}

/** A table, as the database describes it. */
export interface Table extends TableName {
  /** The name in reports: with its schema, unless it is found without. */
  readonly label: string
  readonly columns: readonly Column[]
  readonly uniques: readonly Unique[]
}

/** A foreign key between two tables. */
export interface ForeignKey {
  readonly child: TableName
  readonly parent: TableName
  readonly columns: readonly { readonly child: string; readonly parent: string }[]
}

/** What differs between the databases. */
export interface Dialect {
  quote(name: string): Sql
  /** The form of a column's name in comparisons: lower case where case does not matter. */
  fold(name: string): string
  /** A text for the value of a column, which is the same in each session. */
  textOf(column: Column, value: Sql): Sql
  /** A text for several texts, as short as the database can make it. */
  digest(texts: readonly Sql[]): Sql
  /** Ends a query whose rows are to be locked. */
  readonly lock: Sql
  /** Statements that create the journal. */
  readonly journal: readonly string[]
  /** Statements that set the savepoint `latchkey_reown`, and fail outside a transaction. SQLite begins one. */
  readonly begin: readonly Sql[]
  /** A statement before rows that reference each other are moved one table after the other. */
  readonly deferForeignKeys: Sql | null
  /**
   * Sets a column of the journal's rows `j` from the matching rows of a table.
   *
   * @param table - with its alias
   */
  updateJournal(column: Sql, value: Sql, table: Sql, where: Sql): Sql
  /** Returns a table, or null if there is none. */
  table(db: ReownDatabase, name: TableName): Promise<Table | null>
  /** @param schemas - beside the one in which the connection finds tables */
  foreignKeys(db: ReownDatabase, schemas: readonly string[]): Promise<readonly ForeignKey[]>
}
