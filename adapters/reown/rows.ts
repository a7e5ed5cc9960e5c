import type { Column, Dialect } from './dialect.ts'
import type { OwnedTable } from './plan.ts'
import { type Sql, either, raw, sql } from './sql.ts'

/** From one principal to another. */
export interface Move {
  readonly from: string
  readonly to: string
}

/** A column of the table `t`, or of another alias. */
export function cell(dialect: Dialect, { name }: Pick<Column, 'name'>, alias = 't'): Sql {
  return sql`${raw(alias)}.${dialect.quote(name)}`
}

/** The value of an owner column after a move. */
export function movedCell(dialect: Dialect, column: Column, { from, to }: Move): Sql {
  const present = cell(dialect, column)
  return sql`case when ${present} = ${from} then ${to} else ${present} end`
}

/** True for a row that a principal owns by one of the columns. */
export function isOwnedBy(dialect: Dialect, owners: readonly Column[], ...principals: readonly string[]): Sql {
  return either(owners.flatMap((column) => principals.map((one) => sql`${cell(dialect, column)} = ${one}`)))
}

/**
 * The text by which the journal knows a row: of its primary key, after the move.
 *
 * @param move - still to come
 */
export function keyOf(dialect: Dialect, { key, owners }: OwnedTable, move?: Move, alias?: string): Sql {
  return dialect.digest(
    key.map((column) => {
      const isMoved = move !== undefined && owners.includes(column)
      return dialect.textOf(column, isMoved ? movedCell(dialect, column, move) : cell(dialect, column, alias))
    }),
  )
}

/** The columns whose change counts as a touch: all that are stored, without those that hold principals. */
export function comparedColumns({ table, owners }: OwnedTable): Column[] {
  return table.columns.filter((column) => !column.isGenerated && !owners.includes(column))
}

/** The text by which the journal knows what a row holds. */
export function fingerprintOf(dialect: Dialect, columns: readonly Column[]): Sql {
  return columns.length === 0
    ? sql`'none'`
    : dialect.digest(columns.map((column) => dialect.textOf(column, cell(dialect, column))))
}
