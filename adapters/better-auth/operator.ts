import type { AuthContext } from 'better-auth'
import { isPlainText } from '../../lib/server-kit.ts'
import { giveUp } from './binding/adopt.ts'
import { audit, findAudit } from './binding/audit.ts'
import { type KeyAnswer, toAnswer } from './routes/keys.ts'
import { listKeys, revokeKeysOf } from './binding/keys.ts'
import {
  changeRow,
  findRow,
  findUser,
  holderOf,
  insertRow,
  isKeptForAccount,
  newEpoch,
  taken,
} from './binding/principal-store.ts'
import type { PrincipalRow } from './schema.ts'
import { statusCacheOf } from './binding/status-cache.ts'
import { peekSubject } from './binding/subject.ts'
import type { Adapter, BetterAuthInstance } from './binding/types.ts'

/** An operation in the audit. */
export interface AuditReport {
  /** `bind`, `link`, `unlink`, `reset`, `retire` or `revoke`. */
  readonly act: string
  readonly principal: string
  readonly accountId: string | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** An operator's view of an account. */
export interface AccountReport {
  readonly accountId: string
  readonly email: string
  readonly emailVerified: boolean
  readonly principal: string
  readonly aliases: readonly string[]
  /** True if the account is unused: its principal is not final. */
  readonly open: boolean
  /** True if it can be recovered without the device. */
  readonly recoverable: boolean
  readonly keys: readonly KeyAnswer[]
  readonly audit: readonly AuditReport[]
}

/** An operator's view of a principal. */
export interface PrincipalReport {
  readonly principal: string
  /** Holder of the principal: an account, an account of another provider, none permanently, or none yet. */
  readonly holder: 'account' | 'external' | 'retired' | 'nobody'
  readonly accountId: string | null
  readonly external: { readonly issuer: string; readonly subject: string } | null
  readonly keys: readonly KeyAnswer[]
  readonly audit: readonly AuditReport[]
}

/**
 * Reads and operations for the operators of a server. Made by {@link createOperator}. An id or address with control
 * characters is a `TypeError`.
 */
export interface Operator {
  /** Returns the state of a principal. One that is not in the database has the holder `nobody`. */
  principal(principal: string): Promise<PrincipalReport>
  /** Returns the state of an account, or null. An open account stays open. */
  account(accountId: string): Promise<AccountReport | null>
  /** Returns the id of the account with an e-mail address, or null. */
  accountByEmail(email: string): Promise<string | null>
  /**
   * Removes an alias from an account, as the account's own `unlink` does.
   *
   * @throws {LatchkeyError} `ALIAS_UNKNOWN`
   */
  unlink(accountId: string, alias: string): Promise<void>
  /**
   * Deletes an account and its sessions, and retires its principals permanently.
   *
   * @returns false if there is no such account
   */
  retireAccount(accountId: string): Promise<boolean>
  /**
   * Retires a principal without an account permanently: servers that look it up refuse its key.
   *
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`: it belongs to an account, or is being bound
   */
  retirePrincipal(principal: string): Promise<void>
}

/** @throws {TypeError} */
function checkText(...texts: readonly string[]): void {
  if (!texts.every(isPlainText)) throw new TypeError('operator: expected a text without control characters')
}

/**
 * Creates the operations for a server's operators. The caller must authorize the operator.
 *
 * @param auth - the result of `betterAuth()`, with the plugin `latchkey`
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function createOperator(auth: BetterAuthInstance, clock: () => number = Date.now): Operator {
  const context = async (...texts: readonly string[]): Promise<AuthContext> => {
    checkText(...texts)
    return auth.$context as Promise<AuthContext>
  }
  const now = (): Date => new Date(clock())
  return {
    principal: async (principal) => reportPrincipal((await context(principal)).adapter, principal),
    account: async (accountId) => reportAccount((await context(accountId)).adapter, accountId, now()),
    accountByEmail: async (email) =>
      (await (await context(email)).internalAdapter.findUserByEmail(email))?.user.id ?? null,
    async unlink(accountId, alias) {
      const { adapter } = await context(accountId, alias)
      await giveUp(adapter, accountId, alias, now())
      statusCacheOf(adapter).clear()
    },
    async retireAccount(accountId) {
      const { adapter, internalAdapter } = await context(accountId)
      if (!(await findUser(adapter, 'id', accountId))) return false
      await internalAdapter.deleteUser(accountId)
      return true
    },
    async retirePrincipal(principal) {
      const { adapter } = await context(principal)
      await retirePrincipal(adapter, principal, now())
      statusCacheOf(adapter).clear()
    },
  }
}

async function reportAccount(adapter: Adapter, accountId: string, now: Date): Promise<AccountReport | null> {
  const subject = await peekSubject(adapter, accountId, now)
  const user = await findUser(adapter, 'id', accountId)
  if (!subject || !user) return null
  const principals = [subject.principal, ...subject.aliases]
  const [keys, acts] = [await listKeys(adapter, principals), await actsOf(adapter, 'userId', [accountId])]
  return { ...subject, email: user.email, emailVerified: user.emailVerified, keys: keys.map(toAnswer), audit: acts }
}

async function reportPrincipal(adapter: Adapter, principal: string): Promise<PrincipalReport> {
  const row = await findRow(adapter, principal)
  // An account without a device is its own principal, and has no row.
  const holder = row ? await holderOf(adapter, row) : ((await ownId(adapter, principal)) ?? 'nobody')
  const keys = (await listKeys(adapter, [principal])).map(toAnswer)
  const isAccount = typeof holder === 'object'
  return {
    principal,
    holder: isAccount ? 'account' : holder,
    accountId: isAccount ? holder.id : null,
    external: holder === 'external' ? { issuer: row!.issuer!, subject: row!.subject! } : null,
    keys,
    audit: await actsOf(adapter, 'principal', [principal]),
  }
}

/** Returns the account whose own id the principal is, unless it has another principal. */
async function ownId(adapter: Adapter, principal: string): ReturnType<typeof findUser> {
  const user = await findUser(adapter, 'id', principal)
  return user?.principal == null ? user : null
}

async function actsOf(
  adapter: Adapter,
  field: 'userId' | 'principal',
  values: readonly string[],
): Promise<AuditReport[]> {
  const where = [{ field, operator: 'in' as const, value: [...values] }]
  const records = await findAudit(adapter, { where, limit: 1000, sortBy: { field: 'createdAt', direction: 'desc' } })
  return records.reverse().map(({ userId, ...record }) => ({ ...record, accountId: userId }))
}

/** The lock row changes first: a concurrent bind finds it changed. */
async function retirePrincipal(adapter: Adapter, principal: string, now: Date): Promise<void> {
  const row = await findRow(adapter, principal)
  if (row?.kind !== 'retired') await closeRow(adapter, principal, row, now)
  const { epoch } = (await findRow(adapter, principal))!
  await audit(adapter, 'retire', { principal, epoch, userId: null }, now)
  await revokeKeysOf(adapter, principal, now)
}

async function closeRow(adapter: Adapter, principal: string, row: PrincipalRow | null, now: Date): Promise<void> {
  const holder = row ? await holderOf(adapter, row) : 'nobody'
  if (holder !== 'nobody' && holder !== 'retired') throw taken()
  // An account's own id is or was its principal, or may become its alias.
  if ((row && (await isKeptForAccount(adapter, row, now))) || (await findUser(adapter, 'id', principal))) throw taken()
  if (!row) return insertRow(adapter, { principal, kind: 'retired', epoch: newEpoch() })
  const nobodys = { userId: null, issuer: null, subject: null, until: null }
  if (!(await changeRow(adapter, row, { ...nobodys, kind: 'retired' }))) throw taken()
}
