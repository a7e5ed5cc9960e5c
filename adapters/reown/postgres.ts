import { type ForeignKeyRow, foreignKeysOf, grouped } from './catalog.ts'
import { type ReownDatabase, run } from './database.ts'
import type { Column, Dialect, TableName, Unique } from './dialect.ts'
import { EMPTY, type Sql, join, raw, sql } from './sql.ts'

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const quote = (name: string): Sql => raw(quoted(name))

/** `to_regclass` reads it as a statement would. */
const textOfName = ({ schema, table }: TableName): string =>
  schema === null ? quoted(table) : `${quoted(schema)}.${quoted(table)}`

interface ColumnRow {
  readonly tschema: string
  readonly tname: string
  readonly visible: boolean
  readonly col: string
  readonly typ: string
  readonly gen: boolean
  readonly pos: number | null
}

interface UniqueRow {
  readonly idx: string
  readonly col: string | null
  readonly expr: string
  readonly pred: string | null
  readonly nulls: boolean
}

async function columnsOf(db: ReownDatabase, name: TableName): Promise<readonly ColumnRow[]> {
  return run<ColumnRow>(
    db,
    sql`select n.nspname as tschema, c.relname as tname, pg_table_is_visible(c.oid) as visible, a.attname as col,
      ty.typname as typ, a.attgenerated <> '' as gen, array_position(i.indkey::int2[], a.attnum) as pos
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type ty on ty.oid = a.atttypid
      left join pg_index i on i.indrelid = c.oid and i.indisprimary
      where c.oid = to_regclass(${textOfName(name)}) and c.relkind in ('r', 'p')
      order by a.attnum`,
  )
}

async function uniquesOf(db: ReownDatabase, name: TableName): Promise<Unique[]> {
  const rows = await run<UniqueRow>(
    db,
    sql`select ic.relname as idx, a.attname as col, pg_get_indexdef(i.indexrelid, k.pos, false) as expr,
      pg_get_expr(i.indpred, i.indrelid) as pred,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) as nulls
      from pg_index i
      join pg_class ic on ic.oid = i.indexrelid
      cross join lateral generate_series(1, i.indnkeyatts::int) as k(pos)
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum > 0 and a.attnum = i.indkey[k.pos - 1]
      where i.indrelid = to_regclass(${textOfName(name)}) and i.indisunique and i.indisvalid
      order by ic.relname, k.pos`,
  )
  return grouped(rows, ({ idx }) => idx).map((members) => ({
    name: members[0]!.idx,
    members: members.map(({ col, expr }) => ({
      column: col,
      value: col === null ? raw(`(${expr})`) : sql`t.${quote(col)}`,
      collation: EMPTY,
    })),
    predicate: members[0]!.pred === null ? null : raw(`(${members[0]!.pred})`),
    areNullsEqual: members[0]!.nulls,
  }))
}

/** Independent of `DateStyle`, `TimeZone` and `bytea_output`. */
const TEXTS: Readonly<Record<string, (value: Sql) => Sql>> = {
  bytea: (value) => sql`encode(${value}, 'hex')`,
  date: (value) => sql`to_json(${value})::text`,
  timestamp: (value) => sql`to_json(${value})::text`,
  timestamptz: (value) => sql`to_json(${value} at time zone 'UTC')::text`,
}

/** PostgreSQL 12 or later. */
export const postgres: Dialect = {
  quote,
  fold: (name) => name,
  textOf: ({ type }, value) => (TEXTS[type] ?? ((plain) => sql`${plain}::text`))(value),
  digest: (texts) => sql`encode(sha256(convert_to(array[${join(texts, ', ')}]::text, 'UTF8')), 'hex')`,
  lock: sql` for update`,
  begin: [sql`savepoint latchkey_reown`],
  deferForeignKeys: null,
  journal: [
    `create table "latchkeyReown" (
  "id" text primary key,
  "source" text not null,
  "target" text not null,
  "movedAt" bigint not null,
  "plan" text not null
)`,
    'create index "latchkeyReown_pair" on "latchkeyReown" ("source", "target")',
    `create table "latchkeyReownRow" (
  "move" text not null,
  "rowKey" text not null,
  "ownerColumn" smallint not null,
  "fingerprint" text,
  "isUntouched" smallint not null,
  primary key ("move", "rowKey", "ownerColumn")
)`,
  ],
  updateJournal: (column, value, table, where) =>
    sql`update "latchkeyReownRow" as j set ${column} = ${value} from ${table} where ${where}`,
  async table(db, name) {
    const rows = await columnsOf(db, name)
    const [first] = rows
    if (!first) return null
    const columns = rows.map(({ col, typ, gen, pos }): Column => ({
      name: col,
      type: typ,
      isGenerated: gen,
      keyPosition: keyPosition(pos),
    }))
    return {
      schema: first.tschema,
      table: first.tname,
      label: first.visible ? first.tname : `${first.tschema}.${first.tname}`,
      columns,
      uniques: await uniquesOf(db, name),
    }
  },
  foreignKeys: async (db) =>
    foreignKeysOf(
      await run<ForeignKeyRow>(
        db,
        sql`select con.oid::text as id, cn.nspname as cschema, c.relname as ctable, ca.attname as ccol,
          pn.nspname as pschema, p.relname as ptable, pa.attname as pcol
          from pg_constraint con
          join pg_class c on c.oid = con.conrelid
          join pg_namespace cn on cn.oid = c.relnamespace
          join pg_class p on p.oid = con.confrelid
          join pg_namespace pn on pn.oid = p.relnamespace
          cross join lateral unnest(con.conkey, con.confkey) with ordinality as k(child, parent, pos)
          join pg_attribute ca on ca.attrelid = c.oid and ca.attnum = k.child
          join pg_attribute pa on pa.attrelid = p.oid and pa.attnum = k.parent
          where con.contype = 'f' and con.conparentid = 0
          order by con.oid, k.pos`,
      ),
    ),
}

/** The first member of an `int2vector` has the position 0. */
function keyPosition(position: number | null): number {
  return position === null ? 0 : Number(position) + 1
}
