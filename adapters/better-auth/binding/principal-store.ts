import type { DBAdapter, Where } from 'better-auth'
import type { BoundUser, PrincipalRow } from '../schema.ts'
import { NOBODYS, taken } from './principal-row.ts'
import { repeatStatement, repeatTransaction } from './repeat.ts'
import { insertUnique } from './unique.ts'
import { MAX_ROWS_READ, equal } from './where.ts'
import type { Adapter } from './types.ts'

const LOCK = 'latchkeyPrincipal'

/** The kinds of rows by which a user has a principal, or is about to. */
const HAVING: readonly PrincipalRow['kind'][] = ['canonical', 'alias', 'reserved']

/** A new row, without the members that have defaults. */
type NewRow = Pick<PrincipalRow, 'principal' | 'kind' | 'epoch'> & Partial<PrincipalRow>

/** The principals and users of a database, as one request reads and changes them. */
export interface PrincipalStore {
  readonly adapter: Adapter
  /** The time of the request. */
  readonly now: Date
  /** Returns the row of a principal. */
  find(principal: string): Promise<PrincipalRow | null>
  /** Reads a user from the database, without any cache. */
  findUser(field: 'id' | 'principal', value: string): Promise<BoundUser | null>
  /** Returns the rows by which a user has principals, or is about to, and the row of its principal. */
  rowsOf(user: BoundUser): Promise<PrincipalRow[]>
  /** @throws {LatchkeyError} `PRINCIPAL_TAKEN`: another request was faster */
  insert(row: NewRow): Promise<void>
  /** @returns false if another request was faster */
  tryInsert(row: NewRow): Promise<boolean>
  /** Changes a row only if it is unchanged since it was read. */
  change(row: PrincipalRow, update: Partial<PrincipalRow>): Promise<boolean>
  /** Deletes a row by which no account ever had the principal. */
  delete(row: Pick<PrincipalRow, 'principal' | 'epoch'>): Promise<void>
  /** Changes a user's binding only if it is still the one that was read. */
  changeUser(user: BoundUser, update: Partial<BoundUser>): Promise<boolean>
  /** Like {@link PrincipalStore.changeUser}, and only if no mailbox was proven since. */
  changeUnprovenUser(user: BoundUser, update: Partial<BoundUser>): Promise<boolean>
  /** Runs work atomically if there are transactions: in the open one, or in a new one. */
  atomically<Result>(work: (principals: PrincipalStore) => Promise<Result>): Promise<Result>
}

/** @param now - the time of the request */
export function principalStore(adapter: Adapter | DBAdapter, now: Date): PrincipalStore {
  const tryInsert: PrincipalStore['tryInsert'] = (row) =>
    // All members are written, since the memory adapter distinguishes missing from null.
    insertUnique(adapter, LOCK, 'principal', { ...NOBODYS, thumbprint: null, until: null, ...row })
  const changeOne = async (model: string, where: Where[], update: Record<string, unknown>): Promise<boolean> =>
    (await repeatStatement(() => adapter.updateMany({ model, where, update }))) === 1
  return {
    adapter,
    now,
    find: (principal) => adapter.findOne({ model: LOCK, where: equal({ principal }) }),
    findUser: (field, value) => adapter.findOne({ model: 'user', where: equal({ [field]: value }) }),
    async rowsOf({ id, principal }) {
      // Those that the user gave up name it for ever, and must not take the places of the others.
      const where: Where[] = [...equal({ userId: id }), { field: 'kind', operator: 'in', value: [...HAVING] }]
      const rows = await adapter.findMany<PrincipalRow>({ model: LOCK, where, limit: MAX_ROWS_READ })
      if (principal == null || rows.some((row) => row.principal === principal)) return rows
      const own = await adapter.findOne<PrincipalRow>({ model: LOCK, where: equal({ principal }) })
      return own ? [...rows, own] : rows
    },
    async insert(row) {
      if (!(await tryInsert(row))) throw taken()
    },
    tryInsert,
    change: ({ principal, kind, epoch }, update) => changeOne(LOCK, equal({ principal, kind, epoch }), update),
    delete: async ({ principal, epoch }) =>
      void (await adapter.deleteMany({ model: LOCK, where: equal({ principal, epoch }) })),
    changeUser: (user, update) => changeOne('user', equal(bindingOf(user)), update),
    changeUnprovenUser: ({ principalMailboxBy, ...user }, update) =>
      changeOne('user', equal({ ...bindingOf(user), principalMailboxBy }), update),
    atomically: (work) =>
      'transaction' in adapter
        ? repeatTransaction(adapter, (trx) => work(principalStore(trx, now)))
        : work(principalStore(adapter, now)),
  }
}

function bindingOf({ id, principal, principalEpoch }: BoundUser): Partial<Record<string, string | null | undefined>> {
  return { id, principal, principalEpoch }
}
