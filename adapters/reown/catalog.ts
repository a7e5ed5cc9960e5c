import type { ForeignKey, TableName } from './dialect.ts'

/** One pair of columns of a foreign key, as the catalogs list them. */
export interface ForeignKeyRow {
  readonly id: unknown
  readonly cschema?: string
  readonly ctable: string
  readonly ccol: string
  readonly pschema?: string
  readonly ptable: string
  readonly pcol: string
}

/** Puts the pairs of each foreign key together. */
export function foreignKeysOf(rows: readonly ForeignKeyRow[]): ForeignKey[] {
  const groups = grouped(rows, (row) => JSON.stringify([row.cschema, row.ctable, String(row.id)]))
  return groups.map((pairs) => {
    const { cschema, ctable, pschema, ptable } = pairs[0]!
    const name = (schema: string | undefined, table: string): TableName => ({ schema: schema ?? null, table })
    const columns = pairs.map(({ ccol, pcol }) => ({ child: ccol, parent: pcol }))
    return { child: name(cschema, ctable), parent: name(pschema, ptable), columns }
  })
}

/** Groups rows, in their order. */
export function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Row[][] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return [...groups.values()]
}
