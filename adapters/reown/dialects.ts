import type { ReownDatabase } from './database.ts'
import type { Dialect } from './dialect.ts'
import { mysql } from './mysql.ts'
import { postgres } from './postgres.ts'
import { sqlite } from './sqlite.ts'

const DIALECTS: Readonly<Record<ReownDatabase['dialect'], Dialect>> = { postgres, sqlite, mysql }

/** @throws {TypeError} the dialect is unknown */
export function dialectOf({ dialect }: Pick<ReownDatabase, 'dialect'>): Dialect {
  if (!Object.hasOwn(DIALECTS, dialect)) throw new TypeError("db.dialect: expected 'postgres', 'sqlite' or 'mysql'")
  return DIALECTS[dialect]
}
