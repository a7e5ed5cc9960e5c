import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newPostgres } from '../better-auth/testing/database.testing.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A folder with an app in it. */
export interface AppFolder {
  readonly folder: string
  write(name: string, text: string): void
  remove(): void
}

/** Makes a folder in which these packages, and Latchkey, are installed. */
export function appFolder(packages: readonly string[]): AppFolder {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-app-'))
  const install = (name: string, place: string): void => {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(place, join(folder, 'node_modules', name))
  }
  install('latchkey', ROOT)
  for (const name of packages) install(name, placeOf(name))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  write('package.json', '{ "name": "app", "private": true, "type": "module" }')
  return { folder, write, remove: () => rmSync(folder, { recursive: true }) }
}

/** The driver for MariaDB is no dependency of this repository; `LATCHKEY_MYSQL2` names its folder. */
function placeOf(name: string): string {
  return name === 'mysql2' ? process.env['LATCHKEY_MYSQL2']! : join(ROOT, 'node_modules', name)
}

/** A kind of database that an app can have. */
export interface AppEngine {
  readonly name: string
  /** Packages that the app needs. */
  readonly packages: readonly string[]
  /** Makes a database. @returns the source of the module `db.mjs` that exports it as `database` */
  create(folder: string): Promise<string>
}

const sqlite: AppEngine = {
  name: 'SQLite',
  packages: ['better-sqlite3'],
  create: async (folder) =>
    `import Database from 'better-sqlite3'\nexport const database = new Database(${JSON.stringify(join(folder, 'app.sqlite'))})\n`,
}

const postgres: AppEngine = {
  name: 'Postgres',
  packages: ['pg'],
  create: async () =>
    `import { Pool } from 'pg'\nexport const database = new Pool({ connectionString: ${JSON.stringify(await newPostgres())} })\n`,
}

/** On the server whose address is in `LATCHKEY_MARIADB`. */
const mariadb: AppEngine = {
  name: 'MariaDB',
  packages: ['mysql2'],
  create: async () => {
    const name = `latchkey_${crypto.randomUUID().replaceAll('-', '')}`
    const address = new URL(process.env['LATCHKEY_MARIADB']!)
    const at = (database: string): string => JSON.stringify(new URL(`/${database}`, address).href)
    return `import mysql from 'mysql2/promise'
const connection = await mysql.createConnection(${at('')})
await connection.query('create database if not exists ${name}')
await connection.end()
export const database = mysql.createPool(${at(name)})
`
  },
}

/** SQLite and Postgres; MariaDB where a server is given. */
export const APP_ENGINES: readonly AppEngine[] = [
  sqlite,
  postgres,
  ...(process.env['LATCHKEY_MARIADB'] === undefined ? [] : [mariadb]),
]
