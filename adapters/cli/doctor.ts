import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type SessionResolverOptions, createSessionResolver } from '../../lib/server.ts'
import { type App, hasOwnAdapter, loadApp, shown } from './app.ts'
import { examineAdapter } from './database-check.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { fileOf, filesOf, openDatabase } from './database.ts'
import type { Settings } from './flags.ts'
import { isSecret, peekSecret, secretFileOf } from './kept-secret.ts'
import { isOpenToOthers } from './private-files.ts'
import { type Check, ok, problem } from './check.ts'
import { hideAddresses } from './log.ts'
import { type Lack, findLack, isComplete } from './migrate.ts'
import { Refusal, loadPeer } from './refusal.ts'
import { reusesIds } from './reused-ids.ts'

/**
 * Checks a configuration without changing anything.
 *
 * @param clock - milliseconds since 1970
 */
export async function examine(settings: Settings, clock: () => number): Promise<readonly Check[]> {
  const { configuration, findings } = readConfiguration(settings, settings.isOn('production') ?? false)
  const checks = findings.map(({ level, flag, message }): Check => ({
    check: 'configuration',
    level,
    message: `--${flag}: ${message}`,
  }))
  if (!findings.some(({ level }) => level === 'problem'))
    checks.push(ok('configuration', 'A server would start with this configuration.'))
  checks.push(
    configuration.allowLocalFirst
      ? ok('resolver', 'Device keys are looked up in the database; keys of recoverable accounts are rejected.')
      : ok('resolver', 'Tokens signed by devices are rejected.'),
  )
  checks.push(...examineFiles(configuration))
  const file = settings.text('resolver')
  if (file !== undefined) checks.push(...(await examineResolver(file)))
  if (
    configuration.place.kind === 'postgres' &&
    findings.some(({ level, flag }) => level === 'problem' && flag === 'database')
  )
    return checks
  return [...checks, ...(await examineDatabase(configuration, clock))]
}

/**
 * Checks an app's Better Auth and its database. It changes nothing permanently: the rows that it creates are rolled
 * back or deleted.
 */
export async function examineApp(file: string): Promise<readonly Check[]> {
  try {
    const app = await loadApp(file)
    const plugins = examinePlugins(app)
    if (hasOwnAdapter(app)) return [...plugins, ...(hasPlugin(app) ? await examineAdapter(app) : [])]
    const lack = await examineLack(app)
    const isReady = hasPlugin(app) && lack.level === 'ok'
    return [...plugins, ...(await examineIds(app)), lack, ...(isReady ? await examineAdapter(app) : [])]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [problem('configuration', error.message)]
  }
}

function hasPlugin({ options }: App): boolean {
  return options.plugins?.some(({ id }) => id === 'latchkey') ?? false
}

function examinePlugins({ options, version }: App): Check[] {
  const installed = new Set(options.plugins?.map(({ id }) => id as string))
  const missing = [
    ...(installed.has('latchkey') ? [] : ['latchkey()']),
    ...(installed.has('jwt') ? [] : ['latchkeyJwt()']),
  ]
  if (missing.length > 0) return [problem('configuration', `The plugins lack ${missing.join(' and ')}.`)]
  return [ok('configuration', `Better Auth ${version} has the plugins.`)]
}

async function examineIds(app: App): Promise<Check[]> {
  // A database that does not respond is reported by the next check.
  if (!(await reusesIds(app).catch(() => false))) return []
  return [
    problem(
      'database',
      'SQLite gives the id of a deleted user to a later one, who then cannot use the account. ' +
        "Leave out generateId: 'serial', or create the tables with AUTOINCREMENT.",
    ),
  ]
}

async function examineLack(app: App): Promise<Check> {
  try {
    const lack = await findLack(app)
    if (isComplete(lack)) return ok('migrations', 'The database has every table and column.')
    return problem('migrations', `The database lacks ${named(lack)}. Run npx latchkey migrate --auth ${shown(app)}.`)
  } catch (error) {
    return problem('database', `The database does not respond as expected: ${hideAddresses((error as Error).message)}.`)
  }
}

function named({ tables, extended, uniqueIndex }: Lack): string {
  const parts = [
    tables.length > 0 ? tables.join(', ') : '',
    extended.length > 0 ? `columns of ${extended.join(', ')}` : '',
    uniqueIndex ? 'the unique index of the principal' : '',
  ].filter(Boolean)
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')}, and ${parts.at(-1)}` : parts[0]!
}

function examineFiles({ place, secret }: Configuration): Check[] {
  const secretFile = secretFileOf(place)
  const files = [...(place.kind === 'sqlite' ? filesOf(place.folder) : []), ...(secret === null ? [secretFile] : [])]
  const open = files.filter(isOpenToOthers).map((file): Check => ({
    check: 'files',
    level: 'warning',
    message: `Other users of this machine can read ${file}. The next start makes it private.`,
  }))
  const kept = secret === null ? peekSecret(place) : null
  return kept !== null && !isSecret(kept)
    ? [...open, problem('files', `${secretFile} does not contain a secret; a server would not start.`)]
    : open
}

async function examineResolver(file: string): Promise<Check[]> {
  try {
    const { default: options } = (await import(pathToFileURL(resolve(file)).href)) as {
      default?: SessionResolverOptions
    }
    if (typeof options !== 'object')
      return [problem('resolver', 'The module does not export the options as its default export.')]
    createSessionResolver(options)
    const isBlind = options.localFirst !== undefined && !options.localFirst.lookup
    return [
      isBlind
        ? {
            check: 'resolver',
            level: 'warning',
            message: 'Device keys are not looked up: a lost device keeps its access, even after the upgrade.',
          }
        : ok('resolver', 'The options of the module are valid.'),
    ]
  } catch (error) {
    return [
      problem(
        'resolver',
        error instanceof TypeError ? `The module: ${error.message}.` : 'The module cannot be loaded.',
      ),
    ]
  }
}

async function examineDatabase(configuration: Configuration, clock: () => number): Promise<Check[]> {
  const { place } = configuration
  try {
    if (place.kind === 'sqlite' && !existsSync(fileOf(place.folder))) {
      await loadPeer('better-sqlite3', () => import('better-sqlite3'))
      await loadPeer('better-auth', () => import('./identity.ts'))
      return [clockAlone(clock()), ok('database', 'The file does not exist yet; the first start creates it.')]
    }
    const open = await openDatabase(place, () => {}, true)
    try {
      const identity = await loadPeer('better-auth', () => import('./identity.ts'))
      const now = await open.now()
      const secret = secretOf(configuration)
      const parts = {
        configuration,
        open,
        redis: null,
        origin: configuration.origin ?? 'http://localhost',
        secret: secret ?? 'x'.repeat(32),
        onError: () => {},
        onOutcome: () => {},
      }
      const missing = await identity.missingTables(parts)
      const hasKeys = secret !== null && !missing.includes('jwks')
      return [
        now === null ? clockAlone(clock()) : compareClocks(clock(), now),
        ok('database', 'The database responds.'),
        migrations(missing),
        ...(hasKeys && (await identity.hasAnotherSecret(parts)) ? [problem('database', identity.ANOTHER_SECRET)] : []),
      ]
    } finally {
      await open.close()
    }
  } catch (error) {
    return [
      clockAlone(clock()),
      problem('database', error instanceof Refusal ? error.message : 'The database does not respond as expected.'),
    ]
  }
}

/** @returns the secret of a server with this configuration; null if its start would create one */
function secretOf({ place, secret }: Configuration): string | null {
  if (secret !== null) return secret
  const kept = peekSecret(place)
  return kept !== null && isSecret(kept) ? kept : null
}

function migrations(missing: readonly string[]): Check {
  if (missing.length === 0) return ok('migrations', 'All tables exist.')
  return {
    check: 'migrations',
    level: 'warning',
    message: `The next start will create or extend these tables: ${[...new Set(missing)].join(', ')}.`,
  }
}

/** The date of this code: a correct clock cannot be earlier. */
const EARLIEST = Date.UTC(2026, 0, 1)

function clockAlone(now: number): Check {
  if (now < EARLIEST)
    return problem(
      'clock',
      `The clock is wrong: ${new Date(now).toISOString()} is in the past. ` +
        'Every token would be rejected as issued in the future.',
    )
  return ok('clock', `The time is ${new Date(now).toISOString()}; it was not compared with another clock.`)
}

/** The leeway that a verifier allows for `iat`. */
const CLOCK_LEEWAY_MS = 60_000

function compareClocks(own: number, database: number): Check {
  const away = Math.round(Math.abs(own - database) / 1000)
  if (away * 1000 >= CLOCK_LEEWAY_MS)
    return problem('clock', `The clock is ${away} s off the database clock: fresh tokens would be rejected.`)
  return ok('clock', `The clock is ${away} s off the database clock.`)
}

/** Formats the checks as text. */
export function printChecks(checks: readonly Check[]): string {
  return checks.map(({ check, level, message }) => `${level.padEnd(8)} ${check.padEnd(14)} ${message}\n`).join('')
}
