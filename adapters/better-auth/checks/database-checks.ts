import type { BetterAuthOptions } from 'better-auth'
import { insertRefusing } from '../binding/unique.ts'
import type { Adapter } from '../binding/types.ts'

/** A fault of a database, its driver or its adapter. */
export interface DatabaseFault {
  /** `problem`: the plugin refuses the database. `warning`: it works, with the stated loss. */
  readonly level: 'problem' | 'warning'
  /** What was seen, without a full stop. */
  readonly what: string
  /** What to do about it, as a sentence. */
  readonly remedy: string
}

/** Returns the fault as one line. */
export function lineOf({ what, remedy }: DatabaseFault): string {
  return `${what}. ${remedy}`
}

/** Returns true if the database gives each row its id. */
export function hasIdsOfDatabase({ advanced }: Pick<BetterAuthOptions, 'advanced'>): boolean {
  const { generateId } = advanced?.database ?? {}
  return generateId === 'serial' || generateId === false
}

/** What is checked. */
export interface Extent {
  /** Also checks that no id is given twice. */
  readonly hasIds: boolean
  /** Also checks the tables of a pairing, and what is refused only later or by another process. */
  readonly isThorough: boolean
}

/**
 * Checks a database through its adapter, in rows of the plugin's tables that it deletes afterwards.
 *
 * @returns the faults, the plugin's own tables in their order; none for a suitable database
 * @throws an error of the driver: a database that is locked or unreachable shows nothing
 */
export async function findFaults(adapter: Adapter, { hasIds, isThorough }: Extent): Promise<readonly DatabaseFault[]> {
  const name = `latchkey:probe:${crypto.randomUUID()}`
  const rows = rowsNamed(name).filter(({ isRare }) => isThorough || !isRare)
  const looks = await Promise.allSettled(rows.map((row) => checkTable(adapter, row, isThorough)))
  const faults = looks.flatMap((look) => (look.status === 'fulfilled' ? look.value : []))
  const failed = looks.find((look) => look.status === 'rejected')
  if (failed && faults.length === 0) throw failed.reason
  // Last, because rows of the other checks would come in between.
  return hasIds && faults.length === 0
    ? checkIds(
        adapter,
        rows.find(({ model }) => model === 'latchkeyProof')!,
      )
    : faults
}

type Row = Readonly<Record<string, unknown>>

interface ProbeRow {
  readonly model: string
  /** The unique column. */
  readonly field: string
  readonly data: Row
  /** Checked only by the doctor: if the column is not unique, no user gets access to another user's data. */
  readonly isRare?: true
}

/** A minute from now: if the process is killed, its row expires and is deleted like that of any proof. */
const KEPT_MS = 60_000

/** A time that is not a whole number of seconds. */
function probeTime(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 + KEPT_MS + 123)
}

function rowsNamed(name: string): readonly ProbeRow[] {
  const [now, until] = [new Date(), probeTime()]
  const nobodys = { thumbprint: null, userId: null, issuer: null, subject: null }
  const row = (model: string, field: string, data: Row): ProbeRow => ({
    model,
    field,
    data: { ...data, [field]: name },
  })
  const rare = (found: ProbeRow): ProbeRow => ({ ...found, isRare: true })
  const backup = { principal: name, envelope: '', origin: null, createdAt: now, until, removedAt: now }
  const key = { principal: name, name: null, createdAt: now, lastSeenAt: null, retiredAt: now }
  const grant = { userId: name, principalEpoch: null, approverSession: name, thumbprint: name, expiresAt: until }
  return [
    row('latchkeyPrincipal', 'principal', { ...nobodys, kind: 'reserved', epoch: name, until }),
    row('latchkeyKey', 'thumbprint', key),
    row('latchkeyProof', 'jti', { until }),
    row('latchkeyBackup', 'locator', backup),
    row('latchkeyAudit', 'act', { principal: name, userId: null, createdAt: now }),
    rare(row('latchkeyGrant', 'hash', grant)),
    rare(row('latchkeyRendezvous', 'channel', { seq: 0, data: '', tx: name, until, isContested: false })),
  ]
}

async function checkTable(adapter: Adapter, row: ProbeRow, isThorough: boolean): Promise<DatabaseFault[]> {
  const { result } = await withRow(adapter, row, async () => [
    // Before a second row, which would be counted too.
    ...(row.model === 'latchkeyPrincipal' ? await checkLock(adapter, row, isThorough) : []),
    ...(await checkUnique(adapter, row, isThorough)),
  ])
  return result
}

async function withRow<Result>(
  adapter: Adapter,
  { model, field, data }: ProbeRow,
  check: () => Promise<Result>,
): Promise<{ readonly id: unknown; readonly result: Result }> {
  try {
    const { id } = await adapter.create<Row, { readonly id: unknown }>({ model, data })
    return { id, result: await check() }
  } finally {
    await adapter.deleteMany({ model, where: [{ field, value: data[field] as string }] })
  }
}

/** The memory adapter does not keep columns unique, and MongoDB creates its indexes in the background. */
const UNIQUE_IN_PROCESS: readonly string[] = ['memory', 'mongodb-adapter']

async function checkUnique(adapter: Adapter, row: ProbeRow, isThorough: boolean): Promise<DatabaseFault[]> {
  const { model, field, data } = row
  const isInProcess = UNIQUE_IN_PROCESS.includes(adapter.id)
  if (isInProcess && !isThorough) return []
  const isInserted = await insertRefusing(adapter, model, data).catch(async (error: unknown) => {
    // A database that is locked or gone refuses every row.
    const other = `${String(data[field])}:other`
    const otherRow = { ...row, data: { ...data, [field]: other } }
    await withRow(adapter, otherRow, async () => {}).catch(() => {
      throw error
    })
    return 'unknown' as const
  })
  const level = isInProcess ? 'warning' : 'problem'
  if (isInserted === 'unknown') return [{ level, ...refusedUnknown(model, field) }]
  if (isInserted) return [{ level, ...notUnique(model, field) }]
  return []
}

/** @returns the fault of a column in which the database accepts a value twice */
export function notUnique(model: string, field: string): Pick<DatabaseFault, 'what' | 'remedy'> {
  return { what: `${model}.${field} is not unique`, remedy: 'Add a unique index to this column.' }
}

function refusedUnknown(model: string, field: string): Pick<DatabaseFault, 'what' | 'remedy'> {
  return {
    what: `${model}.${field}: a second row is refused for an unknown reason`,
    remedy: "Use a driver that passes on the database's error code: this one hides that the value already exists.",
  }
}

async function checkIds(adapter: Adapter, row: ProbeRow): Promise<DatabaseFault[]> {
  const ids = [(await withRow(adapter, row, async () => {})).id, (await withRow(adapter, row, async () => {})).id]
  if (ids[0] === ids[1])
    return [
      {
        level: 'problem',
        what: 'it gives the id of a deleted row to the next one (SQLite does without AUTOINCREMENT)',
        remedy: 'Leave out advanced.database.generateId, or create the tables with AUTOINCREMENT.',
      },
    ]
  return []
}

async function checkLock(adapter: Adapter, { data }: ProbeRow, isThorough: boolean): Promise<DatabaseFault[]> {
  const faults = await checkCounts(adapter, String(data['principal']))
  const date = await checkDate(adapter, String(data['principal']), data['until'] as Date)
  return date && (isThorough || date.level === 'problem') ? [...faults, date] : faults
}

const COUNT_REMEDY = 'Use a driver or adapter that counts the rows that an update matched.'
const EQUAL_REMEDY =
  'Make the driver count the rows that matched, not those that changed: in mysql2, leave the flag FOUND_ROWS on.'
const NULL_REMEDY = 'Use an adapter that compares null with IS NULL.'

/** The updates of a lock, in this order: each one finds the row as the previous one left it. */
const UPDATES = [
  [1, 'an update that changed a row', { kind: 'reserved' }, 'held', COUNT_REMEDY],
  [0, 'an update that matched no row', { kind: 'reserved' }, 'held', COUNT_REMEDY],
  [1, 'an update to equal values', { kind: 'held' }, 'held', EQUAL_REMEDY],
  [1, 'an update with a condition on null', { userId: null }, 'reserved', NULL_REMEDY],
] as const

/** The first fault explains those of the other updates. */
async function checkCounts(adapter: Adapter, principal: string): Promise<DatabaseFault[]> {
  for (const [expected, what, condition, kind, remedy] of UPDATES) {
    const where = Object.entries({ principal, ...condition }).map(([field, value]) => ({ field, value }))
    const count = await adapter.updateMany({ model: 'latchkeyPrincipal', where, update: { kind } })
    if (count !== expected) return [{ level: 'problem', what: `${what} reported ${String(count)} rows`, remedy }]
  }
  return []
}

/** Largest change of a stored time that does not matter: it ends a reservation too early or too late. */
const MOST_OFF_MS = 1000

async function checkDate(adapter: Adapter, principal: string, written: Date): Promise<DatabaseFault | undefined> {
  const where = [{ field: 'principal', value: principal }]
  const row = await adapter.findOne<{ readonly until: Date }>({ model: 'latchkeyPrincipal', where })
  // Not an instance of this realm's Date in every adapter.
  const off = Math.abs(new Date(row?.until ?? Number.NaN).getTime() - written.getTime())
  if (off === 0) return undefined
  if (off < MOST_OFF_MS)
    return {
      level: 'warning',
      what: `a date came back ${off} ms off`,
      remedy:
        'Use date columns with milliseconds, such as timestamp(3) or datetime(3): otherwise the order of rows within ' +
        'a second is random.',
    }
  return {
    level: 'problem',
    what: Number.isNaN(off) ? 'a date did not come back' : `a date came back ${Math.round(off / 1000)} s off`,
    remedy: 'Store dates in UTC: set the same time zone, such as Z, in the driver and the database.',
  }
}
