import type { AuthContext, DBAdapter } from 'better-auth'
import { type BindingStore, type ExternalBinding, isLatchkeyError, namespacedPrincipal } from '../../../lib/server.ts'
import { probeDatabase } from '../database-probe.ts'
import { audit } from './audit.ts'
import { recordKey } from './keys.ts'
import { assertFree, changeRow, endOf, findRow, insertRow, newEpoch, takeOver } from './principal-store.ts'
import type { PrincipalRow } from '../schema.ts'
import { statusCacheOf } from './status-cache.ts'
import { insertUnique } from './unique.ts'
import type { Adapter, BetterAuthInstance } from './types.ts'

type Account = Pick<ExternalBinding, 'issuer' | 'subject'>

/**
 * Creates a binding store in the tables of a Better Auth with the plugin `latchkey`: a principal never belongs to both
 * a user and an account of another provider.
 *
 * @param auth - the result of `betterAuth()`
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function betterAuthBindingStore({ $context }: BetterAuthInstance, clock?: () => number): BindingStore {
  const open = async (): Promise<BindingStore> => {
    const context = (await $context) as unknown as AuthContext
    await probeDatabase(context)
    return bindingStoreOf(context.adapter, clock)
  }
  return {
    find: async (issuer, subject) => (await open()).find(issuer, subject),
    insert: async (binding) => (await open()).insert(binding),
    useOnce: async (name, until) => (await open()).useOnce(name, until),
  }
}

/**
 * Creates a binding store in the plugin's tables, so that a principal never belongs to both a user and an account of
 * another provider. The account has its own row, whose id is derived from issuer and subject. The row's epoch
 * identifies its principal, and the row is written once.
 */
export function bindingStoreOf(adapter: DBAdapter, clock: () => number = Date.now): BindingStore {
  const now = (): Date => new Date(clock())
  const find = (account: Account): Promise<ExternalBinding | null> => findBinding(adapter, account, now())
  return {
    find: (issuer, subject) => find({ issuer, subject }),
    async insert({ issuer, subject, principal, thumbprint }) {
      const account = { issuer, subject }
      const found = await find(account)
      if (found) return found
      if (thumbprint === null) await writeOwn(adapter, account, { kind: 'canonical', epoch: newEpoch() })
      else if (!(await bindOrRefuse(adapter, account, { principal, thumbprint }, now()))) return null
      const made = await find(account)
      statusCacheOf(adapter).clear()
      return made
    },
    useOnce: (name, until) => insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until }),
  }
}

async function findBinding(adapter: Adapter, { issuer, subject }: Account, now: Date): Promise<ExternalBinding | null> {
  const { own, bound } = await rowsOfAccount(adapter, { issuer, subject })
  if (own?.kind === 'canonical') return { issuer, subject, principal: own.principal, thumbprint: null }
  if (!bound || !(await isComplete(adapter, bound, now))) return null
  return { issuer, subject, principal: bound.principal, thumbprint: bound.thumbprint }
}

/** Returns the account's own row, and the row of the device's principal that has its epoch. */
async function rowsOfAccount(
  adapter: Adapter,
  { issuer, subject }: Account,
): Promise<{ id: string; own: PrincipalRow | null; bound: PrincipalRow | undefined }> {
  const id = await namespacedPrincipal(issuer, subject)
  const own = await findRow(adapter, id)
  if (!own || own.kind === 'canonical') return { id, own, bound: undefined }
  const where = [
    { field: 'issuer', value: issuer },
    { field: 'subject', value: subject },
  ]
  const rows = await adapter.findMany<PrincipalRow>({ model: 'latchkeyPrincipal', where })
  return { id, own, bound: rows.find(({ principal, epoch }) => principal !== id && epoch === own.epoch) }
}

/** Writes the account's own row once. A row whose principal was lost before completion is replaced. */
async function writeOwn(
  adapter: Adapter,
  account: Account,
  update: Pick<PrincipalRow, 'kind' | 'epoch'>,
): Promise<void> {
  const { id, own, bound } = await rowsOfAccount(adapter, account)
  if (!own)
    await insertUnique(adapter, 'latchkeyPrincipal', 'principal', {
      ...account,
      ...update,
      principal: id,
      thumbprint: null,
      userId: null,
      until: null,
    })
  else if (own.kind === 'alias' && !bound) await changeRow(adapter, own, update)
}

/** The row changes last: until it does, the next read completes the missing parts. */
async function isComplete(adapter: Adapter, row: PrincipalRow, now: Date): Promise<boolean> {
  if (row.kind !== 'reserved') return row.kind === 'canonical'
  await audit(adapter, 'bind', { ...row, userId: null }, now)
  await recordKey(adapter, { principal: row.principal, thumbprint: row.thumbprint! }, now)
  // Before this, another account could still take the principal.
  if (await changeRow(adapter, row, { kind: 'canonical', until: null })) return true
  const present = await findRow(adapter, row.principal)
  return present?.kind === 'canonical' && present.epoch === row.epoch
}

type Device = { readonly principal: string; readonly thumbprint: string }

/** @returns false if the principal belongs to another account */
async function bindOrRefuse(adapter: DBAdapter, account: Account, device: Device, now: Date): Promise<boolean> {
  try {
    const row = await reserveExternal(adapter, account, device, now)
    await writeOwn(adapter, account, { kind: 'alias', epoch: row.epoch })
    const { bound } = await rowsOfAccount(adapter, account)
    // Another device of the account was faster: this one keeps its principal.
    if (bound?.principal !== row.principal) await changeRow(adapter, row, { issuer: null, subject: null, until: null })
    return true
  } catch (error) {
    if (isLatchkeyError(error, 'PRINCIPAL_TAKEN')) return false
    throw error
  }
}

/** As for an account that is being created; the row names the account. */
async function reserveExternal(adapter: DBAdapter, account: Account, device: Device, now: Date): Promise<PrincipalRow> {
  const found = await findRow(adapter, device.principal)
  const row: PrincipalRow = {
    ...device,
    ...account,
    userId: null,
    kind: 'reserved',
    epoch: newEpoch(),
    until: endOf(now),
  }
  if (!found) {
    await insertRow(adapter, row)
    return row
  }
  await assertFree(adapter, found, device, null, now)
  await takeOver(adapter, found, row, now)
  return row
}
