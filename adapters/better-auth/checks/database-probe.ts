import type { AuthContext } from 'better-auth'
import { LatchkeyError } from '../../../lib/server.ts'
import { awaitShared } from '../binding/shared-work.ts'
import { type DatabaseFault, findFaults, hasIdsOfDatabase, lineOf } from './database-checks.ts'

type Asked = Pick<AuthContext, 'adapter' | 'logger' | 'options'>

const probed = new WeakMap<object, Promise<void>>()

/**
 * Ensures once per process that the database counts matched rows, keeps columns unique and returns the times that it
 * was given, since a binding depends on all three: a driver that counts nothing makes every sign-up look as if another
 * request had been faster. Where the database makes the ids, it must not give one twice: the id of a deleted account is
 * retired, and its next holder could not use theirs. Leaves no row.
 *
 * Called at the first use instead of the start: a build, a migration or a worker of the edge also starts Better Auth,
 * where there is no database yet or none outside a request.
 *
 * @throws {LatchkeyError} `DATABASE_UNSUITABLE`; the log names the adapter and the fault, once
 */
export function probeDatabase(asked: Asked): Promise<void> {
  const { adapter } = asked
  const known = probed.get(adapter)
  if (!known) return probeOnce(asked)
  return awaitShared(known, () => {
    if (probed.get(adapter) === known) probed.delete(adapter)
    return probeDatabase(asked)
  })
}

function probeOnce(asked: Asked): Promise<void> {
  const probe = probeAll(asked).catch((error: unknown) => {
    probed.delete(asked.adapter)
    // A database that is locked or unreachable proves nothing: the request continues, and the next one checks again.
    if (error instanceof LatchkeyError) throw error
  })
  probed.set(asked.adapter, probe)
  return probe
}

async function probeAll({ adapter, logger, options }: Asked): Promise<void> {
  const faults = await findFaults(adapter, { hasIds: hasIdsOfDatabase(options), isThorough: false })
  const fault = faults.find(({ level }) => level === 'problem')
  if (!fault) return
  tell({ adapter, logger }, fault)
  throw new LatchkeyError('DATABASE_UNSUITABLE', fault.what)
}

const told = new WeakSet<object>()

function tell({ adapter, logger }: Pick<Asked, 'adapter' | 'logger'>, fault: DatabaseFault): void {
  if (told.has(adapter)) return
  told.add(adapter)
  logger.error(
    `Latchkey cannot use this database (${adapter.id}): ${lineOf(fault)} ` +
      'npx latchkey doctor --auth <file> names every fault.',
  )
}
