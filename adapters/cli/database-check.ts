import { isAbsence } from '../better-auth/checks/absence.ts'
import { type DatabaseFault, findFaults, hasIdsOfDatabase, lineOf } from '../better-auth/checks/database-checks.ts'
import { type UserFindings, checkUsers, claimsTransactions } from '../better-auth/checks/user-check.ts'
import { type App, hasOwnAdapter } from './app.ts'
import { type Check, ok, problem } from './check.ts'
import { hideAddresses } from './log.ts'

/**
 * Checks through the app's adapter that a database does what the plugin needs: it counts the rows that an update
 * matched, compares null correctly, refuses a value that a unique column already has, and returns the times that it was
 * given.
 */
export async function examineAdapter(app: App): Promise<Check[]> {
  try {
    const adapter = await app.adapter()
    // For other databases, the doctor reads it in the schema.
    const hasIds = hasOwnAdapter(app) && hasIdsOfDatabase(app.options)
    const faults = await findFaults(adapter, { hasIds, isThorough: true })
    const users = await checkUsers(adapter, app.getAuthTables(app.options)['user']!.fields)
    const found = [...faults, ...users.faults].map((fault) => checkOf(fault, adapter.id))
    const isGood = found.every(({ level }) => level !== 'problem')
    const good =
      `The database (${adapter.id}) counts matched rows, compares null correctly, ` +
      'keeps columns unique and returns exact dates.'
    return [...(isGood && found.length === 0 ? [ok('database', good)] : found), ...transactions(adapter, users)]
  } catch (error) {
    return [unusable(error)]
  }
}

function checkOf(fault: DatabaseFault, adapter: string): Check {
  const text = fault.level === 'problem' ? 'The database is unsuitable' : 'The database has a weakness'
  return { check: 'database', level: fault.level, message: `${text} (${adapter}): ${hideAddresses(lineOf(fault))}` }
}

type Adapter = Awaited<ReturnType<App['adapter']>>

function transactions(adapter: Adapter, { rollsBack }: UserFindings): Check[] {
  if (rollsBack === undefined) return []
  if (rollsBack) return [ok('database', 'Its transactions roll back.')]
  const loss = 'The plugin works without them, but what onLink writes stays if the link fails.'
  if (!claimsTransactions(adapter)) return [ok('database', `The adapter runs without transactions. ${loss}`)]
  return [{ check: 'database', level: 'warning', message: `Its transactions do not roll back. ${loss}` }]
}

function unusable(error: unknown): Check {
  if (isAbsence(error))
    return problem(
      'migrations',
      "The database or the adapter's schema lacks tables or columns of the plugin. " +
        "Add them with Better Auth's `generate`, then apply them with the adapter's own tool.",
    )
  const message = error instanceof Error ? hideAddresses(error.message) : 'unknown error'
  return problem('database', `The database does not respond as expected: ${message}.`)
}
