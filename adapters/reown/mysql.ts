import { LatchkeyError } from '../../lib/server.ts'
import { type ForeignKeyRow, foreignKeysOf, grouped } from './catalog.ts'
import { type ReownDatabase, run } from './database.ts'
import type { Column, Dialect, TableName, Unique } from './dialect.ts'
import { EMPTY, type Sql, join, raw, sql } from './sql.ts'

/** Drivers that put parameters into the text themselves take every question mark for a placeholder. */
function quote(name: string): Sql {
  if (name.includes('?')) throw new LatchkeyError('REOWN_TABLE_UNSUITABLE', `${name}: the name has a question mark`)
  return raw(`\`${name.replaceAll('`', '``')}\``)
}

interface ColumnRow {
  readonly tschema: string
  readonly tname: string
  readonly visible: unknown
  readonly col: string
  readonly typ: string
  readonly extra: string
  readonly pos: unknown
}

interface UniqueRow {
  readonly idx: string
  readonly col: string | null
  readonly len: unknown
}

async function columnsOf(db: ReownDatabase, { schema, table }: TableName): Promise<readonly ColumnRow[]> {
  return run<ColumnRow>(
    db,
    sql`select c.table_schema as tschema, c.table_name as tname, c.table_schema = database() as visible,
      c.column_name as col, c.data_type as typ, c.extra as extra, k.ordinal_position as pos
      from information_schema.tables n
      join information_schema.columns c on c.table_schema = n.table_schema and c.table_name = n.table_name
      left join information_schema.key_column_usage k on k.table_schema = c.table_schema
        and k.table_name = c.table_name and k.column_name = c.column_name and k.constraint_name = 'PRIMARY'
      where n.table_schema = ${schema ?? sql`database()`} and n.table_name = ${table} and n.table_type = 'BASE TABLE'
      order by c.ordinal_position`,
  )
}

async function uniquesOf(db: ReownDatabase, { schema, table }: TableName): Promise<Unique[]> {
  const rows = await run<UniqueRow>(
    db,
    sql`select s.index_name as idx, s.column_name as col, s.sub_part as len
      from information_schema.statistics s
      where s.table_schema = ${schema ?? sql`database()`} and s.table_name = ${table} and s.non_unique = 0
      order by s.index_name, s.seq_in_index`,
  )
  return grouped(rows, ({ idx }) => idx)
    .filter((members) => members.every(({ col }) => col !== null))
    .map((members) => ({
      name: members[0]!.idx,
      members: members.map(({ col, len }) => ({
        column: col,
        value: len === null ? sql`t.${quote(col!)}` : sql`left(t.${quote(col!)}, ${Number(len)})`,
        collation: EMPTY,
      })),
      predicate: null,
      areNullsEqual: false,
    }))
}

const BINARY = /^(binary|varbinary|bit|.*blob|geometry.*|.*point|.*polygon|.*linestring)$/

/** MariaDB 10.5 or later, and MySQL 8. */
export const mysql: Dialect = {
  quote,
  fold: (name) => name.toLowerCase(),
  textOf({ type }, value) {
    // As seconds: the text of a timestamp depends on the time zone of the session.
    const plain = type === 'timestamp' ? sql`unix_timestamp(${value})` : value
    const text = BINARY.test(type) ? plain : sql`convert(${plain} using utf8mb4)`
    return sql`coalesce(sha2(${text}, 256), 'null')`
  },
  digest: (texts) => sql`convert(sha2(concat_ws(',', ${join(texts, ', ')}), 256) using ascii) collate ascii_bin`,
  lock: sql` for update`,
  // Outside a transaction, a savepoint ends with its statement.
  begin: [sql`savepoint latchkey_reown`, sql`release savepoint latchkey_reown`, sql`savepoint latchkey_reown`],
  deferForeignKeys: null,
  journal: [
    `create table \`latchkeyReown\` (
  \`id\` varchar(36) not null primary key,
  \`source\` varchar(255) not null,
  \`target\` varchar(255) not null,
  \`movedAt\` bigint not null,
  \`plan\` mediumtext not null,
  index \`latchkeyReown_pair\` (\`source\`, \`target\`)
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin`,
    `create table \`latchkeyReownRow\` (
  \`move\` varchar(36) not null,
  \`rowKey\` char(64) not null,
  \`ownerColumn\` smallint not null,
  \`fingerprint\` char(64),
  \`isUntouched\` smallint not null,
  primary key (\`move\`, \`rowKey\`, \`ownerColumn\`)
) engine = InnoDB character set ascii collate ascii_bin`,
  ],
  updateJournal: (column, value, table, where) =>
    sql`update \`latchkeyReownRow\` as j join ${table} on ${where} set j.${column} = ${value}`,
  async table(db, name) {
    const rows = await columnsOf(db, name)
    const [first] = rows
    if (!first) return null
    const columns = rows.map(({ col, typ, extra, pos }): Column => ({
      name: col,
      type: typ.toLowerCase(),
      isGenerated: /virtual|stored/i.test(extra),
      keyPosition: Number(pos ?? 0),
    }))
    const isVisible = Number(first.visible) === 1
    return {
      schema: first.tschema,
      table: first.tname,
      label: isVisible ? first.tname : `${first.tschema}.${first.tname}`,
      columns,
      uniques: await uniquesOf(db, name),
    }
  },
  // The catalog of one database: that of the whole server is slow.
  foreignKeys: async (db, schemas) =>
    foreignKeysOf(
      await run<ForeignKeyRow>(
        db,
        sql`select k.constraint_name as id, k.table_schema as cschema, k.table_name as ctable, k.column_name as ccol,
          k.referenced_table_schema as pschema, k.referenced_table_name as ptable, k.referenced_column_name as pcol
          from information_schema.key_column_usage k
          where k.table_schema in (${join([sql`database()`, ...schemas.map((schema) => sql`${schema}`)], ', ')})
            and k.referenced_table_name is not null
          order by k.table_schema, k.table_name, k.constraint_name, k.ordinal_position`,
      ),
    ),
}
