import type { AuthContext } from 'better-auth'
import { isPlainText } from '../../lib/server-kit.ts'
import { giveUp } from './binding/adopt.ts'
import { audit, findAudit } from './binding/audit.ts'
import type { KeyAnswer } from './routes/answers.ts'
import { toAnswer } from './routes/keys.ts'
import { listKeys, revokeKeysOf } from './binding/keys.ts'
import { newEpoch, taken } from './binding/principal-row.ts'
import { type PrincipalStore, principalStore } from './binding/principal-store.ts'
import { isKeptForAccount, holderOf } from './binding/reservation.ts'
import type { LatchkeyPlugin } from './plugin.ts'
import { unlinking } from './routes/link.ts'
import type { BoundUser, PrincipalRow } from './schema.ts'
import { statusCacheOf } from './binding/status-cache.ts'
import { peekSubject } from './binding/subject.ts'
import type { BetterAuthInstance } from './binding/types.ts'
import { equal } from './binding/where.ts'

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
  /** Returns the id of the account with an e-mail address, in lower case or as it is in the database; or null. */
  accountByEmail(email: string): Promise<string | null>
  /**
   * Removes an alias from an account, as the account's own `unlink` does, with the plugin's `onUnlink`.
   *
   * @throws {LatchkeyError} `ALIAS_UNKNOWN`
   * @throws {APIError} `UNLINK_REFUSED`: `onUnlink` threw an error
   */
  unlink(accountId: string, alias: string): Promise<void>
  /**
   * Deletes an account and its sessions, and retires its principals permanently.
   *
   * @returns false if there is no such account
   * @throws {Error} the account still exists: the database failed, or a hook of the app keeps the account
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
  const store = async (...texts: readonly string[]): Promise<PrincipalStore> =>
    principalStore((await context(...texts)).adapter, new Date(clock()))
  return {
    principal: async (principal) => reportPrincipal(await store(principal), principal),
    account: async (accountId) => reportAccount(await store(accountId), accountId),
    async accountByEmail(email) {
      const { adapter, internalAdapter } = await context(email)
      const found = await internalAdapter.findUserByEmail(email)
      // Better Auth searches for it in lower case only.
      const imported = found ? null : await adapter.findOne<BoundUser>({ model: 'user', where: equal({ email }) })
      return found?.user.id ?? imported?.id ?? null
    },
    async unlink(accountId, alias) {
      const principals = await store(accountId, alias)
      const auth = await context()
      const plugin = auth.options.plugins?.find(({ id }) => id === 'latchkey') as LatchkeyPlugin | undefined
      await giveUp(principals, accountId, alias, unlinking(auth, plugin?.options.onUnlink, new Headers()))
      statusCacheOf(principals.adapter).clear()
    },
    async retireAccount(accountId) {
      const principals = await store(accountId)
      if (!(await principals.findUser('id', accountId))) return false
      await (await context()).internalAdapter.deleteUser(accountId)
      // Better Auth reports no failure if it cannot read the account before, or if a hook of the app keeps it.
      if (await principals.findUser('id', accountId)) throw new Error('operator: the account was not deleted')
      return true
    },
    async retirePrincipal(principal) {
      const principals = await store(principal)
      await retirePrincipal(principals, principal)
      statusCacheOf(principals.adapter).clear()
    },
  }
}

async function reportAccount(principals: PrincipalStore, accountId: string): Promise<AccountReport | null> {
  const subject = await peekSubject(principals, accountId)
  const user = await principals.findUser('id', accountId)
  if (!subject || !user) return null
  const keys = await listKeys(principals, [subject.principal, ...subject.aliases])
  const acts = await actsOf(principals, 'userId', [accountId])
  return { ...subject, email: user.email, emailVerified: user.emailVerified, keys: keys.map(toAnswer), audit: acts }
}

async function reportPrincipal(principals: PrincipalStore, principal: string): Promise<PrincipalReport> {
  const row = await principals.find(principal)
  // An account without a device is its own principal, and has no row.
  const holder = row ? await holderOf(principals, row) : ((await ownId(principals, principal)) ?? 'nobody')
  const keys = (await listKeys(principals, [principal])).map(toAnswer)
  const isAccount = typeof holder === 'object'
  return {
    principal,
    holder: isAccount ? 'account' : holder,
    accountId: isAccount ? holder.id : null,
    external: holder === 'external' ? { issuer: row!.issuer!, subject: row!.subject! } : null,
    keys,
    audit: await actsOf(principals, 'principal', [principal]),
  }
}

/** Returns the account whose own id the principal is, unless it has another principal. */
async function ownId(principals: PrincipalStore, principal: string): ReturnType<PrincipalStore['findUser']> {
  const user = await principals.findUser('id', principal)
  return user?.principal == null ? user : null
}

async function actsOf(
  principals: PrincipalStore,
  field: 'userId' | 'principal',
  values: readonly string[],
): Promise<AuditReport[]> {
  const where = [{ field, operator: 'in' as const, value: [...values] }]
  const records = await findAudit(principals, { where, limit: 1000, sortBy: { field: 'createdAt', direction: 'desc' } })
  return records.reverse().map(({ userId, ...record }) => ({ ...record, accountId: userId }))
}

/** The lock row changes first: a concurrent bind finds it changed. */
async function retirePrincipal(principals: PrincipalStore, principal: string): Promise<void> {
  const row = await principals.find(principal)
  if (row?.kind !== 'retired') await closeRow(principals, principal, row)
  const { epoch } = (await principals.find(principal))!
  await audit(principals, 'retire', { principal, epoch, userId: null })
  await revokeKeysOf(principals, principal)
}

async function closeRow(principals: PrincipalStore, principal: string, row: PrincipalRow | null): Promise<void> {
  const holder = row ? await holderOf(principals, row) : 'nobody'
  if (holder !== 'nobody' && holder !== 'retired') throw taken()
  // An account's own id is or was its principal, or may become its alias.
  if ((row && (await isKeptForAccount(principals, row))) || (await principals.findUser('id', principal))) throw taken()
  if (!row) return principals.insert({ principal, kind: 'retired', epoch: newEpoch() })
  const nobodys = { userId: null, issuer: null, subject: null, until: null }
  if (!(await principals.change(row, { ...nobodys, kind: 'retired' }))) throw taken()
}
