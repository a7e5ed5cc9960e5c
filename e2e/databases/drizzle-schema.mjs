// The tables of Better Auth as a schema of Drizzle.
import { getAuthTables } from 'better-auth/db'

/**
 * @param {'sqlite' | 'pg' | 'mysql'} provider
 * @param {any} options of Better Auth
 */
export async function drizzleSchema(provider, options) {
  const { table, id, columnOf } = await TOOLS[provider]()
  const schema = Object.entries(getAuthTables(options)).map(([model, { modelName, fields }]) => {
    const columns = Object.entries(fields).map(([name, field]) => {
      const column = columnOf(field.fieldName ?? name, String(field.type))
      return [name, field.required === false ? column : column.notNull()]
    })
    return [model, table(modelName, { id: id('id').primaryKey(), ...Object.fromEntries(columns) })]
  })
  return Object.fromEntries(schema)
}

/** @type {Record<'sqlite' | 'pg' | 'mysql', () => Promise<any>>} */
const TOOLS = {
  async sqlite() {
    const { integer, sqliteTable, text } = await import('drizzle-orm/sqlite-core')
    /** @param {string} name @param {string} type */
    const columnOf = (name, type) => {
      if (type === 'date') return integer(name, { mode: 'timestamp_ms' })
      if (type === 'boolean') return integer(name, { mode: 'boolean' })
      return type === 'number' ? integer(name) : text(name)
    }
    return { table: sqliteTable, id: text, columnOf }
  },
  async pg() {
    const { boolean, integer, pgTable, text, timestamp } = await import('drizzle-orm/pg-core')
    /** @param {string} name @param {string} type */
    const columnOf = (name, type) => {
      if (type === 'date') return timestamp(name, { withTimezone: true })
      if (type === 'boolean') return boolean(name)
      return type === 'number' ? integer(name) : text(name)
    }
    return { table: pgTable, id: text, columnOf }
  },
  async mysql() {
    const { boolean, int, mysqlTable, text, timestamp, varchar } = await import('drizzle-orm/mysql-core')
    /** @param {string} name @param {string} type */
    const columnOf = (name, type) => {
      if (type === 'date') return timestamp(name, { fsp: 3 })
      if (type === 'boolean') return boolean(name)
      return type === 'number' ? int(name) : text(name)
    }
    return { table: mysqlTable, id: (/** @type {string} */ name) => varchar(name, { length: 36 }), columnOf }
  },
}
