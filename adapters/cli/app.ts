import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BetterAuthOptions, DBAdapter } from 'better-auth'
import type * as betterAuthDb from 'better-auth/db'
import type { getMigrations } from 'better-auth/db/migration'
import type * as kysely from 'kysely'
import { hideAddresses } from './log.ts'
import { Refusal } from './refusal.ts'

/** A connection of the app's database. */
export type Connection = kysely.Kysely<Record<string, never>>

/** An app's Better Auth: its options, and the parts of the Better Auth that is installed beside it. */
export interface App {
  /** As given on the command line. */
  readonly file: string
  readonly options: BetterAuthOptions
  readonly version: string
  readonly getMigrations: typeof getMigrations
  readonly getAuthTables: typeof betterAuthDb.getAuthTables
  readonly sql: typeof kysely.sql
  /** Opens the database of the options; not that of an adapter. */
  readonly connect: () => Promise<AppDatabase>
  /** Returns the adapter with which Better Auth uses the database. */
  readonly adapter: () => Promise<DBAdapter>
}

/** The app's database as Better Auth opens it. */
export interface AppDatabase {
  readonly kysely: Connection
  readonly databaseType: 'sqlite' | 'postgres' | 'mysql' | 'mssql' | null
  readonly schemaName?: string
  /** Only for Cloudflare D1, which has no transactions. */
  readonly introspectIndexes?: unknown
}

/**
 * Loads an app's Better Auth. Reads `.env.local` and `.env` first, as frameworks do.
 *
 * @throws {Refusal} the file or Better Auth cannot be loaded, or there is no database
 */
export async function loadApp(file: string): Promise<App> {
  const path = resolve(file)
  if (!existsSync(path)) throw new Refusal(`${file} does not exist.`)
  loadEnvironment()
  // Without it, the plugin would log missing tables, which this command is about to report or add.
  Object.assign(globalThis, { [Symbol.for('latchkey.migrating')]: true })
  const { options, $context } = authOf(await importBackup(file, path), file)
  const require = createRequire(path)
  const migration = locate(require, 'better-auth/db/migration', file)
  const version = versionOf(migration)
  refuseOldVersion(version)
  if (options.database === undefined) throw new Refusal(`${file} has no database.`)
  // Packages that only Better Auth depends on: a strict package manager hides them from the app.
  const inside = createRequire(migration)
  const load = async <Module>(place: string): Promise<Module> => (await import(pathToFileURL(place).href)) as Module
  const { createKyselyAdapter } = await load<{ createKyselyAdapter(options: object): Promise<AppDatabase> }>(
    inside.resolve('@better-auth/kysely-adapter'),
  )
  return {
    file,
    options,
    version,
    ...(await load<Pick<App, 'getMigrations'>>(migration)),
    ...(await load<Pick<App, 'getAuthTables'>>(locate(require, 'better-auth/db', file))),
    ...(await load<Pick<App, 'sql'>>(inside.resolve('kysely'))),
    connect: () => createKyselyAdapter(options),
    adapter: async () => (await $context).adapter,
  }
}

/** Variables that are set already stay. */
function loadEnvironment(): void {
  for (const name of ['.env.local', '.env']) if (existsSync(name)) process.loadEnvFile(name)
}

interface Exported {
  readonly auth?: unknown
  readonly default?: unknown
}

interface LoadedAuth {
  readonly options: BetterAuthOptions
  readonly $context: Promise<{ readonly adapter: DBAdapter }>
}

function authOf(module: Exported, file: string): LoadedAuth {
  const found = [module.auth, module.default, (module.default as Exported | undefined)?.auth].find(
    (value) => typeof (value as { options?: unknown } | undefined)?.options === 'object',
  )
  if (!found) throw new Refusal(`${file} does not export Better Auth as \`auth\` or default.`)
  return found as LoadedAuth
}

/** With jiti where the app has it, since apps write imports that only a bundler resolves; else as Node does. */
async function importBackup(file: string, path: string): Promise<Exported> {
  const jiti = tryLocate(createRequire(path), 'jiti')
  try {
    if (jiti === null) return (await import(pathToFileURL(path).href)) as Exported
    const { createJiti } = (await import(pathToFileURL(jiti).href)) as {
      createJiti(from: string, options: object): { import(path: string): Promise<Exported> }
    }
    return await createJiti(path, { fsCache: false, tsconfigPaths: true }).import(path)
  } catch (error) {
    throw new Refusal(sentenceOf(error as NodeJS.ErrnoException, file, jiti !== null))
  }
}

/** What Node cannot load and jiti can: TypeScript, and imports without an extension or through an alias. */
const NEEDS_JITI = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_MODULE_NOT_FOUND',
  'ERR_UNSUPPORTED_DIR_IMPORT',
])

/** Of Node and of jiti. A name of a package, not an alias such as `@/db`, `~/db` or `$lib/db`, or a path. */
const MISSING_PACKAGE = /^Cannot find (?:package|module) '((?:@[a-z\d][\w.-]*\/)?[a-z\d][\w.-]*)(?:\/[^']*)?'/

function sentenceOf(error: NodeJS.ErrnoException, file: string, hasJiti: boolean): string {
  const message = hideAddresses(error instanceof Error ? error.message.split('\n')[0]! : 'unknown error')
  const needsJiti = !hasJiti && NEEDS_JITI.has(error.code ?? '')
  const [, name] = (error.code?.endsWith('MODULE_NOT_FOUND') && MISSING_PACKAGE.exec(message)) || []
  if (name !== undefined)
    return (
      `${file} needs the package ${name}, which is not installed: npm install ${name}` +
      (needsJiti ? `\nIf ${name} is an alias of your tsconfig.json instead: npm install --save-dev jiti` : '')
    )
  if (!needsJiti) return `${file} throws: ${message}`
  return `This Node cannot load ${file} (${message}). Install the loader that runs it: npm install --save-dev jiti`
}

function tryLocate(require: NodeJS.Require, name: string): string | null {
  try {
    return require.resolve(name)
  } catch {
    return null
  }
}

function locate(require: NodeJS.Require, name: string, file: string): string {
  const found = tryLocate(require, name)
  if (found === null)
    throw new Refusal(`better-auth is not installed where ${file} is. Install 1.7.3 or later: npm install better-auth`)
  return found
}

/** @param migration - `dist/db/get-migration.mjs` of the package */
function versionOf(migration: string): string {
  return (JSON.parse(readFileSync(resolve(migration, '../../../package.json'), 'utf8')) as { version: string }).version
}

/** Versions 1.7.0 to 1.7.2 add a required column to `account`, which no table with rows can take. */
function refuseOldVersion(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  if (major > 1 || minor > 7 || (minor === 7 && patch >= 3)) return
  throw new Refusal(
    `Better Auth ${version} cannot extend tables that have rows. ` +
      'Install 1.7.3 or later: npm install better-auth@latest',
  )
}

/** Returns true if the app gives Better Auth an adapter, whose tables only the app's own tool changes. */
export function hasOwnAdapter({ options }: Pick<App, 'options'>): boolean {
  return typeof options.database === 'function'
}

/** The file as a command line takes it. */
export function shown({ file }: App): string {
  const path = relative('', file)
  return path.startsWith('.') ? path : `./${path}`
}
