import type { Where } from 'better-auth'
import { LatchkeyError } from '../../../lib/server.ts'
import { encodeBase64url, hmacKey, sweepIn } from '../../../lib/server-kit.ts'
import { type BackupRow, type BackupStore, backupStore } from './backup-store.ts'
import { BACKUPS as MODEL, LEFT_KEPT_MS, expireBackupsOf } from './expire-backups.ts'
import { isRevokedKey } from './keys.ts'
import type { PrincipalStore } from './principal-store.ts'
import { holderInUse } from './reservation.ts'
import { isBanned } from './status.ts'
import { equal } from './where.ts'
import type { PrincipalRow } from '../schema.ts'
import type { Adapter, ProvenDevice } from './types.ts'

/** Maximum number of backups of a principal with an account. */
const MOST = 8

/** How often an insertion checks whether later ones were undone. */
const LOOKS = 3

const DAY_MS = 86_400_000

/** How long a removed backup is kept, in milliseconds: a thief of the device may have removed it. */
const REMOVED_KEPT_MS = 30 * DAY_MS

/** How often rows that have expired are deleted, in milliseconds. */
const SWEEP_MS = 60_000

/** Maximum number of expired rows that one sweep deletes. */
const SWEPT_ROWS = 100

/** Limits for identities without an account; each of them can have one backup. */
export interface BackupsWithoutAccount {
  /** New backups from one client address on one day (UTC). Clients whose address cannot be read share one limit. */
  readonly perAddressAndDay: number
  /** Backups of such identities in total. */
  readonly total: number
  /** How long each is kept, in days since it was last written. Once its identity has an account, it does not expire. */
  readonly days: number
}

/** A backup to be stored. */
export interface NewBackup {
  /** SHA-256 of the locator. */
  readonly hash: string
  readonly envelope: string
  /** Of the client; null if it cannot be read. */
  readonly address: string | null
}

/** Stores backups that only a passkey can open, for one request. */
export interface Backups {
  /**
   * Stores a backup. Storing the same one again is no error, so a request whose response was lost can be repeated.
   *
   * @returns milliseconds until it expires; null: never
   * @throws {LatchkeyError} `BACKUP_TAKEN`, `BACKUP_LIMIT`, `BACKUP_ACCOUNT_NEEDED`, `PRINCIPAL_DISABLED`
   */
  put(device: ProvenDevice, backup: NewBackup): Promise<number | null>
  /**
   * Extends the life of a backup of the same principal, as if it were put again. One that could not be put again keeps
   * the time that it has, also because the key was revoked.
   *
   * @returns milliseconds until it expires; null: never
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`, `PRINCIPAL_DISABLED`
   */
  renew(device: ProvenDevice, hash: string): Promise<number | null>
  /** @returns the envelope; null if there is none. Both take one statement. */
  read(hash: string): Promise<string | null>
  /**
   * Removes a backup of the same principal. It is kept for 30 more days, accessible only to the operator.
   *
   * @throws {LatchkeyError} `BACKUP_UNKNOWN`, `PRINCIPAL_DISABLED`
   */
  remove(device: ProvenDevice, hash: string): Promise<void>
}

/** Opens the backups of a server for one request. Created by {@link createBackups}. */
export type OpenBackups = (adapter: Adapter) => Backups

/** A lower bound that excludes null in every database: in the memory adapter, null is less than every time. */
const NEVER = new Date(0)

/**
 * Creates the backups of a server.
 *
 * @param rules - null: only identities with an account have backups
 * @param secret - the server's, which hides client addresses
 */
export function createBackups(rules: BackupsWithoutAccount | null, clock: () => number, secret: string): OpenBackups {
  const sweep = sweepIn(SWEEP_MS, clock)

  /**
   * Returns how long a new backup is kept, in milliseconds; null: until it is removed; undefined: there are none
   * without an account.
   */
  function lifeOf(hasAccount: boolean): number | null | undefined {
    return hasAccount ? null : rules ? rules.days * DAY_MS : undefined
  }

  async function put(store: BackupStore, device: ProvenDevice, backup: NewBackup): Promise<number | null> {
    const life = lifeOf(await isOfAccount(store.principals, device))
    if (life === undefined) throw new LatchkeyError('BACKUP_ACCOUNT_NEEDED')
    const hasAccount = life === null
    const until = endOf(store, life)
    if (await putAgain(store, device, backup, until)) return stays(store, device, life)
    const origin = hasAccount ? null : await hideAddress(secret, backup.address, store.now)
    if (origin !== null && (await isFull(store, rules!, origin, 1))) throw new LatchkeyError('BACKUP_LIMIT')
    if (!(await insert(store, { device, backup, until, origin }, hasAccount ? MOST : 1)))
      return stays(store, device, life)
    // What other requests did before the row was there; later ones find the row.
    await orTakeBack(store, backup, async () => {
      if (origin !== null && (await isFull(store, rules!, origin, 0))) throw new LatchkeyError('BACKUP_LIMIT')
      if (hasAccount) await isOfAccount(store.principals, device)
    })
    return stays(store, device, life)
  }

  async function renew(store: BackupStore, device: ProvenDevice, hash: string): Promise<number | null> {
    const hasAccount = await isInAccount(store.principals, device)
    const found = await store.find(hash)
    if (found?.principal !== device.principal) throw new LatchkeyError('BACKUP_UNKNOWN')
    const left = found.until ? Math.max(0, new Date(found.until).getTime() - store.now.getTime()) : null
    // The key of a lost device writes nothing, but the backup counts where it was restored.
    if (await isRevokedKey(store.principals, device.thumbprint)) return hasAccount ? null : left
    const life = lifeOf(hasAccount)
    // Without an account, and without backups for such identities, what is left of its time stays as it is.
    const kept = life === undefined ? (left ?? LEFT_KEPT_MS) : life
    if (!(await store.extend(hash, endOf(store, kept)))) throw new LatchkeyError('BACKUP_UNKNOWN')
    return stays(store, device, kept)
  }

  return (adapter) => {
    const store = backupStore(adapter, new Date(clock()))
    return {
      async put(device, backup) {
        await sweep(() => deleteExpired(store))
        return put(store, device, backup)
      },
      async renew(device, hash) {
        await sweep(() => deleteExpired(store))
        return renew(store, device, hash)
      },
      read: async (hash) => (await store.find(hash))?.envelope ?? null,
      async remove(device, hash) {
        await isOfAccount(store.principals, device)
        const found = await store.find(hash)
        if (found?.principal !== device.principal || !(await store.withdraw(found)))
          throw new LatchkeyError('BACKUP_UNKNOWN')
      },
    }
  }
}

/**
 * Looks again after a backup was written without an end: its principal may have left its account meanwhile.
 *
 * @returns milliseconds until it expires; null: never
 */
async function stays(
  { principals }: BackupStore,
  { principal }: Pick<ProvenDevice, 'principal'>,
  life: number | null,
): Promise<number | null> {
  if (life !== null || isAccount(await holderIn(principals, await principals.find(principal)))) return life
  await expireBackupsOf(principals, principal)
  return LEFT_KEPT_MS
}

function endOf({ now }: BackupStore, life: number | null): Date | null {
  return life === null ? null : new Date(now.getTime() + life)
}

/** Removes the backups of a principal whose account was deleted. */
export async function removeBackupsOf({ adapter, now }: PrincipalStore, principal: string): Promise<void> {
  const store = backupStore(adapter, now)
  for (const row of await store.rowsOf(principal)) if (isLive(row)) await store.withdraw(row)
}

/**
 * Returns whether an account has the principal.
 *
 * @throws {LatchkeyError} `PRINCIPAL_DISABLED`, also because the key was revoked; otherwise as {@link isInAccount}
 */
async function isOfAccount(principals: PrincipalStore, device: ProvenDevice): Promise<boolean> {
  const isIn = await isInAccount(principals, device)
  if (await isRevokedKey(principals, device.thumbprint)) throw new LatchkeyError('PRINCIPAL_DISABLED')
  return isIn
}

/**
 * Returns whether an account has the principal, whatever became of the key.
 *
 * @throws {LatchkeyError} `PRINCIPAL_DISABLED`: the principal is retired or another key's, or the account is banned. An
 *   account that is recoverable does not disable the key here: data may depend on its secret
 */
async function isInAccount(principals: PrincipalStore, { principal, thumbprint }: ProvenDevice): Promise<boolean> {
  const row = await principals.find(principal)
  const holder = await holderIn(principals, row)
  const isOthers = row !== null && row.thumbprint !== thumbprint
  const isGone = holder === 'retired' || (typeof holder === 'object' && isBanned(holder))
  if (isOthers || isGone) throw new LatchkeyError('PRINCIPAL_DISABLED')
  return holder !== 'nobody'
}

function holderIn(principals: PrincipalStore, row: PrincipalRow | null): ReturnType<typeof holderInUse> {
  return row ? holderInUse(principals, row) : Promise.resolve('nobody')
}

function isAccount(holder: Awaited<ReturnType<typeof holderInUse>>): boolean {
  return holder !== 'nobody' && holder !== 'retired'
}

/**
 * Extends the life of an existing backup.
 *
 * @returns false if there is none
 * @throws {LatchkeyError} `BACKUP_TAKEN`
 */
async function putAgain(
  store: BackupStore,
  { principal }: ProvenDevice,
  { hash, envelope }: NewBackup,
  until: Date | null,
): Promise<boolean> {
  const found = await store.find(hash)
  if (!found) return false
  if (found.principal !== principal || found.envelope !== envelope) throw new LatchkeyError('BACKUP_TAKEN')
  return store.extend(hash, until)
}

/** @param more - number of rows about to be inserted */
async function isFull(
  { adapter }: BackupStore,
  rules: BackupsWithoutAccount,
  origin: string,
  more: number,
): Promise<boolean> {
  const fromThere = await adapter.count({ model: MODEL, where: [{ field: 'origin', value: origin }] })
  const ofAll = await adapter.count({ model: MODEL, where: [{ field: 'until', operator: 'gt', value: NEVER }] })
  return fromThere + more > rules.perAddressAndDay || ofAll + more > rules.total
}

/** Deletes a row that was just inserted if it must not stay. */
async function orTakeBack(store: BackupStore, { hash }: NewBackup, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    await store.delete(hash)
    throw error
  }
}

interface Insertion {
  readonly device: ProvenDevice
  readonly backup: NewBackup
  readonly until: Date | null
  readonly origin: string | null
}

/**
 * @returns false if another request has stored the same backup meanwhile
 * @throws {LatchkeyError} `BACKUP_LIMIT`, `BACKUP_TAKEN`
 */
async function insert(store: BackupStore, insertion: Insertion, most: number): Promise<boolean> {
  const { device, backup, until, origin } = insertion
  const { principal } = device
  const { hash, envelope } = backup
  const rows = await store.rowsOf(principal)
  // Live and removed ones together have twice the limit, or a device could fill the store with removed ones.
  if (rows.filter(isLive).length >= most || rows.length >= 2 * most) throw new LatchkeyError('BACKUP_LIMIT')
  if (!(await store.insert({ locator: hash, principal, envelope, origin, until }))) {
    // Another request was faster. If its backup was removed since, this one may be repeated.
    if (await putAgain(store, device, backup, until)) return false
    throw new LatchkeyError('BACKUP_TAKEN')
  }
  if (await isOver(store, insertion, most)) throw new LatchkeyError('BACKUP_LIMIT')
  return true
}

/**
 * Undoes an insertion if it exceeds the limit, and returns true then. Of several concurrent insertions, the youngest
 * rows are deleted. An older one counts again, since the younger ones may be deleted by then. If they are not, it is
 * deleted as well: they may have been accepted before its own row was there.
 */
async function isOver(store: BackupStore, { device, backup }: Insertion, most: number): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    const inOrder = (await store.rowsOf(device.principal)).filter(isLive).toSorted(byAge)
    if (inOrder.length <= most) return false
    if (inOrder.findIndex(({ locator }) => locator === backup.hash) >= most) break
  }
  await store.delete(backup.hash)
  return true
}

function isLive({ removedAt }: BackupRow): boolean {
  return removedAt === null
}

function byAge(left: BackupRow, right: BackupRow): number {
  const [earlier, later] = [left, right].map(({ createdAt }) => new Date(createdAt).getTime()) as [number, number]
  return earlier - later || (left.locator < right.locator ? -1 : 1)
}

/** The same address cannot be recognized on another day, nor without the server's secret. */
async function hideAddress(secret: string, address: string | null, now: Date): Promise<string> {
  const day = now.toISOString().slice(0, 10)
  const named = new TextEncoder().encode(JSON.stringify([day, address]))
  const mac = await crypto.subtle.sign('HMAC', await hmacKey('backup-origin', secret), named)
  return encodeBase64url(new Uint8Array(mac))
}

async function deleteExpired(store: BackupStore): Promise<void> {
  const { adapter, now, principals } = store
  const before = (field: string, time: Date): Where[] => [
    { field, operator: 'gt', value: NEVER },
    { field, operator: 'lt', value: time },
  ]
  const removed = new Date(now.getTime() - REMOVED_KEPT_MS)
  await adapter.deleteMany({ model: MODEL, where: before('removedAt', removed) })
  const live: Where[] = [{ field: 'removedAt', value: null }, ...before('until', now)]
  const expired = await adapter.findMany<BackupRow>({ model: MODEL, where: live, limit: SWEPT_ROWS })
  for (const row of expired) {
    const { locator, principal } = row
    const where = equal({ locator })
    const holder = await holderIn(principals, await principals.find(principal))
    if (isAccount(holder)) {
      await adapter.updateMany({ model: MODEL, where, update: { until: null } })
      await stays(store, row, null)
    }
    // The deletion of the account was interrupted.
    else if (holder === 'retired') await store.withdraw(row)
    // Not if it was renewed or removed meanwhile.
    else await adapter.deleteMany({ model: MODEL, where: [...where, ...live] })
  }
}
