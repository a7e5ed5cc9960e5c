import { type ForeignKeyRow, foreignKeysOf, grouped } from './catalog.ts'
import { type ReownDatabase, run } from './database.ts'
import type { Column, Dialect, Unique } from './dialect.ts'
import { EMPTY, type Sql, join, raw, sql } from './sql.ts'

const quote = (name: string): Sql => raw(`"${name.replaceAll('"', '""')}"`)

interface ColumnRow {
  readonly col: string
  readonly typ: string
  readonly pos: number
  readonly hidden: number
}

interface UniqueRow {
  readonly idx: string
  readonly col: string | null
  readonly coll: string
  readonly part: number
}

/** The catalog does not tell the expressions and predicates of indexes; the database itself keeps those unique. */
async function uniquesOf(db: ReownDatabase, table: string): Promise<Unique[]> {
  const rows = await run<UniqueRow>(
    db,
    sql`select l.name as idx, x.name as col, x.coll as coll, l.partial as part
      from pragma_index_list(${table}) l, pragma_index_xinfo(l.name) x
      where l."unique" = 1 and x.key = 1
      order by l.name, x.seqno`,
  )
  return grouped(rows, ({ idx }) => idx)
    .filter((members) => members.every(({ col, part }) => col !== null && Number(part) === 0))
    .map((members) => ({
      name: members[0]!.idx,
      members: members.map(({ col, coll }) => ({
        column: col,
        value: sql`t.${quote(col!)}`,
        collation: sql` collate ${quote(coll)}`,
      })),
      predicate: null,
      areNullsEqual: false,
    }))
}

/** SQLite 3.33 or later. It has no hash functions, so the journal holds the values themselves. */
export const sqlite: Dialect = {
  quote,
  fold: (name) => name.toLowerCase(),
  textOf: (_, value) => sql`quote(${value})`,
  digest: (texts) => sql`(${join(texts, " || ',' || ")})`,
  lock: EMPTY,
  begin: [sql`savepoint latchkey_reown`],
  deferForeignKeys: sql`pragma defer_foreign_keys = on`,
  journal: [
    `create table "latchkeyReown" (
  "id" text not null primary key,
  "source" text not null,
  "target" text not null,
  "movedAt" integer not null,
  "plan" text not null
)`,
    'create index "latchkeyReown_pair" on "latchkeyReown" ("source", "target")',
    `create table "latchkeyReownRow" (
  "move" text not null,
  "rowKey" text not null,
  "ownerColumn" integer not null,
  "fingerprint" text,
  "isUntouched" integer not null,
  primary key ("move", "rowKey", "ownerColumn")
) without rowid`,
  ],
  updateJournal: (column, value, table, where) =>
    sql`update "latchkeyReownRow" as j set ${column} = ${value} from ${table} where ${where}`,
  async table(db, { table }) {
    const [found] = await run<{ tname: string }>(
      db,
      sql`select name as tname from sqlite_master where type = 'table' and name = ${table} collate nocase`,
    )
    if (!found) return null
    const rows = await run<ColumnRow>(
      db,
      sql`select name as col, type as typ, pk as pos, hidden from pragma_table_xinfo(${found.tname})`,
    )
    const columns = rows.map(({ col, typ, pos, hidden }): Column => ({
      name: col,
      type: typ,
      isGenerated: Number(hidden) !== 0,
      keyPosition: Number(pos),
    }))
    return { schema: null, table: found.tname, label: found.tname, columns, uniques: await uniquesOf(db, found.tname) }
  },
  foreignKeys: async (db) =>
    foreignKeysOf(
      await run<ForeignKeyRow>(
        db,
        sql`select f.id as id, m.name as ctable, f."from" as ccol, f."table" as ptable,
          coalesce(f."to", (select x.name from pragma_table_info(f."table") x where x.pk = f.seq + 1)) as pcol
          from sqlite_master m, pragma_foreign_key_list(m.name) f
          where m.type = 'table'
          order by m.name, f.id, f.seq`,
      ),
    ),
}
