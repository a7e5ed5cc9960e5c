import type { App, AppDatabase, Connection } from './app.ts'

interface Place {
  readonly table: string
  readonly column: string
}

/** Where `user.principal` is; null where the plugin is not installed. */
function placeOf({ getAuthTables, options }: App): Place | null {
  const { modelName: table, fields } = getAuthTables(options)['user']!
  const field = fields['principal']
  return field ? { table, column: field.fieldName ?? 'principal' } : null
}

/**
 * Better Auth adds a unique column in two statements, and checks only for the effect of the first: if it is interrupted
 * between them, the index is never created.
 */
export async function lacksUniqueIndex(app: App, open: AppDatabase, connection: Connection): Promise<boolean> {
  const place = placeOf(app)
  const query = place && queryOf(app, open, place)
  if (!query) return false
  const { rows } = await query.execute(connection)
  return rows.length === 0
}

function queryOf({ sql }: App, { databaseType, schemaName }: AppDatabase, { table, column }: Place) {
  switch (databaseType) {
    case 'sqlite':
      return sql`select 1 from pragma_index_list(${table}) as l join pragma_index_info(l.name) as i
        where l."unique" = 1 and l.partial = 0 group by l.name having count(*) = 1 and max(i.name) = ${column}`
    case 'postgres':
      return sql`select 1 from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = to_regclass(${schemaName === undefined ? `"${table}"` : `"${schemaName}"."${table}"`})
        and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null and a.attname = ${column}`
    case 'mysql':
      return sql`select index_name from information_schema.statistics
        where table_schema = database() and table_name = ${table} and non_unique = 0
        group by index_name having count(*) = 1 and max(column_name) = ${column}`
    default:
      return null
  }
}

/** Under the name that Better Auth gives it. */
export async function addUniqueIndex(app: App, connection: Connection): Promise<void> {
  const { table, column } = placeOf(app)!
  await connection.schema.createIndex(`${table}_${column}_uidx`).unique().on(table).column(column).execute()
}
