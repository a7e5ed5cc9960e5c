import { BACKUPS as MODEL } from './expire-backups.ts'
import { type PrincipalStore, principalStore } from './principal-store.ts'
import { insertUnique } from './unique.ts'
import { MAX_ROWS_READ, equal } from './where.ts'
import type { Adapter } from './types.ts'

/** A row of the table of backups. */
export interface BackupRow {
  readonly locator: string
  readonly principal: string
  readonly envelope: string
  readonly origin: string | null
  readonly createdAt: Date
  readonly until: Date | null
  readonly removedAt: Date | null
}

/** The table of backups, as one request reads and changes it. */
export interface BackupStore {
  readonly adapter: Adapter
  /** The time of the request. */
  readonly now: Date
  /** The principals of the same request. */
  readonly principals: PrincipalStore
  find(hash: string): Promise<BackupRow | null>
  rowsOf(principal: string): Promise<BackupRow[]>
  /** @returns false if the locator is taken */
  insert(row: Omit<BackupRow, 'createdAt' | 'removedAt'>): Promise<boolean>
  /** @returns false if it has expired, or was removed, since it was found */
  extend(hash: string, until: Date | null): Promise<boolean>
  /** One statement: either the locator is free again, or the backup is unchanged. */
  withdraw(row: BackupRow): Promise<boolean>
  /** Deletes a row that must not stay. */
  delete(hash: string): Promise<unknown>
}

/** @param now - the time of the request */
export function backupStore(adapter: Adapter, now: Date): BackupStore {
  const named = (locator: string) => ({ model: MODEL, where: equal({ locator }) })
  const find = (hash: string): Promise<BackupRow | null> => adapter.findOne<BackupRow>(named(hash))
  return {
    adapter,
    now,
    principals: principalStore(adapter, now),
    find,
    rowsOf: (principal) => adapter.findMany({ model: MODEL, where: equal({ principal }), limit: MAX_ROWS_READ }),
    insert: (row) => insertUnique(adapter, MODEL, 'locator', { ...row, createdAt: now, removedAt: null }),
    extend: async (hash, until) =>
      // Some databases do not count a row whose values did not change.
      (await adapter.updateMany({ ...named(hash), update: { until } })) > 0 || (await find(hash)) !== null,
    async withdraw({ locator }) {
      const update = { locator: `${locator}:${crypto.randomUUID()}`, removedAt: now }
      return (await adapter.updateMany({ ...named(locator), update })) === 1
    },
    delete: (hash) => adapter.deleteMany(named(hash)),
  }
}
