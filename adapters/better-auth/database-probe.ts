import type { AuthContext } from 'better-auth'
import { LatchkeyError } from '../../lib/server.ts'
import { insertRefusing } from './binding/unique.ts'
import type { Adapter } from './binding/types.ts'

type Asked = Pick<AuthContext, 'adapter' | 'logger' | 'options'>

const probed = new WeakMap<object, Promise<void>>()

/**
 * Ensures once per process that the database counts changed rows and keeps columns unique, since a binding depends on
 * both: a driver that counts nothing makes every sign-up look as if another request had been faster. Where the database
 * makes the ids, it must not give one twice: the id of a deleted account is retired, and its next holder could not use
 * theirs. Leaves no row.
 *
 * @throws {LatchkeyError} `DATABASE_UNSUITABLE`; the log names the adapter and the fault, once
 */
export function probeDatabase({ adapter, logger, options }: Asked): Promise<void> {
  const known = probed.get(adapter)
  if (known) return known
  const probe = probeAll(adapter, hasIdsOfDatabase(options)).catch((error: unknown) => {
    probed.delete(adapter)
    // A database that is locked or unreachable shows nothing: the request goes on, and the next one asks again.
    if (!(error instanceof Unsuitable)) return
    tell({ adapter, logger }, error)
    throw error
  })
  probed.set(adapter, probe)
  return probe
}

const told = new WeakSet<object>()

function hasIdsOfDatabase({ advanced }: Asked['options']): boolean {
  const { generateId } = advanced?.database ?? {}
  return generateId === 'serial' || generateId === false
}

function tell({ adapter, logger }: Pick<Asked, 'adapter' | 'logger'>, error: Unsuitable): void {
  if (told.has(adapter)) return
  told.add(adapter)
  logger.error(`Latchkey cannot use this database (${adapter.id}): ${error.fault}.`)
}

class Unsuitable extends LatchkeyError {
  readonly fault: string

  constructor(fault: string) {
    super('DATABASE_UNSUITABLE', fault)
    this.fault = fault
  }
}

/** A minute from now: what a killed process leaves of a proof is deleted like other proofs. */
const KEPT_MS = 60_000

async function probeAll(adapter: Adapter, hasIds: boolean): Promise<void> {
  const name = `latchkey:probe:${crypto.randomUUID()}`
  const now = new Date()
  const until = new Date(now.getTime() + KEPT_MS)
  const nobodys = { thumbprint: null, userId: null, issuer: null, subject: null }
  const ask = (model: string, field: string, data: Row): Promise<unknown> =>
    withRow(adapter, { model, field, data: { ...data, [field]: name } }, async (row) => {
      await checkUnique(adapter, row)
      if (model === 'latchkeyPrincipal') await checkCounts(adapter, name)
    })
  const asked = await Promise.allSettled([
    ask('latchkeyPrincipal', 'principal', { ...nobodys, kind: 'reserved', epoch: name, until }),
    ask('latchkeyKey', 'thumbprint', { principal: name, name: null, createdAt: now, lastSeenAt: null, retiredAt: now }),
    ask('latchkeyProof', 'jti', { until }),
    ask('latchkeyBackup', 'locator', {
      principal: name,
      envelope: '',
      origin: null,
      createdAt: now,
      until,
      removedAt: now,
    }),
    ask('latchkeyAudit', 'act', { principal: name, userId: null, createdAt: now }),
  ])
  const failed = asked.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
  // Afterwards: rows of the others would come in between.
  if (hasIds) await checkIds(adapter, { model: 'latchkeyProof', field: 'jti', data: { jti: name, until } })
}

type Row = Readonly<Record<string, unknown>>

interface ProbeRow {
  readonly model: string
  /** The unique column. */
  readonly field: string
  readonly data: Row
}

/** @returns the id of the row */
async function withRow(adapter: Adapter, row: ProbeRow, check: (row: ProbeRow) => Promise<void>): Promise<unknown> {
  const { model, field, data } = row
  try {
    const { id } = await adapter.create<Row, { readonly id: unknown }>({ model, data })
    await check(row)
    return id
  } finally {
    await adapter.deleteMany({ model, where: [{ field, value: data[field] as string }] })
  }
}

/** The memory adapter keeps no column unique, and MongoDB makes its index in the background. */
const UNIQUE_IN_PROCESS: readonly string[] = ['memory', 'mongodb-adapter']

async function checkUnique(adapter: Adapter, { model, field, data }: ProbeRow): Promise<void> {
  const name = String(data[field])
  if (UNIQUE_IN_PROCESS.includes(adapter.id)) return
  const isInserted = await insertRefusing(adapter, model, data).catch(async (error: unknown) => {
    // A database that is locked or gone refuses every row.
    const other = `${name}:other`
    await withRow(adapter, { model, field, data: { ...data, [field]: other } }, async () => {}).catch(() => {
      throw error
    })
    throw new Unsuitable(`${model}.${field}: a second row is refused for an unknown reason`)
  })
  if (isInserted) throw new Unsuitable(`${model}.${field} is not unique`)
}

async function checkIds(adapter: Adapter, row: ProbeRow): Promise<void> {
  const ids = [await withRow(adapter, row, async () => {}), await withRow(adapter, row, async () => {})]
  if (ids[0] === ids[1])
    throw new Unsuitable('it gives the id of a deleted row to the next one (SQLite does without AUTOINCREMENT)')
}

async function checkCounts(adapter: Adapter, principal: string): Promise<void> {
  const change = (field: string, value: string | null, update: Row): Promise<number> =>
    adapter.updateMany({
      model: 'latchkeyPrincipal',
      where: [
        { field: 'principal', value: principal },
        { field, value },
      ],
      update,
    })
  const expectCount = async (expected: number, what: string, count: Promise<number>): Promise<void> => {
    const found = await count
    if (found !== expected) throw new Unsuitable(`${what} reported ${found} rows`)
  }
  const held = { kind: 'held' }
  await expectCount(1, 'an update that changed a row', change('kind', 'reserved', held))
  await expectCount(0, 'an update that matched no row', change('kind', 'reserved', held))
  await expectCount(1, 'an update to equal values', change('kind', 'held', held))
  await expectCount(1, 'an update with a condition on null', change('userId', null, held))
}
