import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type SessionResolverOptions, createSessionResolver } from '../../lib/server.ts'
import { type Configuration, type Finding, readConfiguration } from './configuration.ts'
import { fileOf, openDatabase } from './database.ts'
import type { Settings } from './flags.ts'
import { Refusal, loadPeer } from './refusal.ts'

/** What was looked at, and what came of it. */
export interface Check {
  readonly check: 'configuration' | 'clock' | 'database' | 'migrations' | 'resolver'
  readonly level: 'ok' | Finding['level']
  readonly message: string
}

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
    checks.push(ok('configuration', 'A server would start with it.'))
  checks.push(
    configuration.allowLocalFirst
      ? ok('resolver', 'Device keys are looked up in the database: those of recoverable accounts are refused.')
      : ok('resolver', 'Tokens that devices sign are refused.'),
  )
  const file = settings.text('resolver')
  if (file !== undefined) checks.push(...(await examineResolver(file)))
  if (
    configuration.place.kind === 'postgres' &&
    findings.some(({ level, flag }) => level === 'problem' && flag === 'database')
  )
    return checks
  return [...checks, ...(await examineDatabase(configuration, clock))]
}

function ok(check: Check['check'], message: string): Check {
  return { check, level: 'ok', message }
}

function problem(check: Check['check'], message: string): Check {
  return { check, level: 'problem', message }
}

async function examineResolver(file: string): Promise<Check[]> {
  try {
    const { default: options } = (await import(pathToFileURL(resolve(file)).href)) as {
      default?: SessionResolverOptions
    }
    if (typeof options !== 'object') return [problem('resolver', 'The module has no options as its default export.')]
    createSessionResolver(options)
    const isBlind = options.localFirst !== undefined && !options.localFirst.lookup
    return [
      isBlind
        ? {
            check: 'resolver',
            level: 'warning',
            message: 'Device keys are not looked up: a lost device stays a way in, also after the upgrade.',
          }
        : ok('resolver', "The module's options can be meant."),
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
  if (place.kind === 'sqlite' && !existsSync(fileOf(place.folder)))
    return [clockAlone(clock()), ok('database', 'There is no file yet; the first start makes it.')]
  try {
    const open = await openDatabase(place, () => {}, true)
    try {
      const identity = await loadPeer('better-auth', () => import('./identity.ts'))
      const now = await open.now()
      const silent = { onError: () => {}, onOutcome: () => {} }
      const missing = await identity.missingTables({
        configuration,
        open,
        redis: null,
        origin: configuration.origin ?? 'http://localhost',
        secret: 'x'.repeat(32),
        ...silent,
      })
      return [
        now === null ? clockAlone(clock()) : compareClocks(clock(), now),
        ok('database', 'It answers.'),
        migrations(missing),
      ]
    } finally {
      await open.close()
    }
  } catch (error) {
    return [
      clockAlone(clock()),
      problem('database', error instanceof Refusal ? error.message : 'It does not answer as it should.'),
    ]
  }
}

function migrations(missing: readonly string[]): Check {
  if (missing.length === 0) return ok('migrations', 'Every table is there.')
  return {
    check: 'migrations',
    level: 'warning',
    message: `Tables to be made or extended at the next start: ${[...new Set(missing)].join(', ')}.`,
  }
}

/** When this was written: no right clock is before. */
const EARLIEST = Date.UTC(2026, 0, 1)

function clockAlone(now: number): Check {
  if (now < EARLIEST)
    return problem(
      'clock',
      `It says ${new Date(now).toISOString()}, which has been: every token would be refused as issued in the future.`,
    )
  return ok('clock', `It says ${new Date(now).toISOString()}; nothing else was asked for the time.`)
}

/** The leeway that a verifier gives to `iat`, in milliseconds. */
const LEEWAY = 60_000

function compareClocks(own: number, database: number): Check {
  const away = Math.round(Math.abs(own - database) / 1000)
  if (away * 1000 >= LEEWAY)
    return problem('clock', `It is ${away} s away from the database's: fresh tokens would be refused.`)
  return ok('clock', `It is ${away} s away from the database's.`)
}

/** The checks as people read them. */
export function printChecks(checks: readonly Check[]): string {
  return checks.map(({ check, level, message }) => `${level.padEnd(8)} ${check.padEnd(14)} ${message}\n`).join('')
}
