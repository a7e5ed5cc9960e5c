import type { DBAdapter } from 'better-auth'
import { type BindingStore, type ExternalBinding, isLatchkeyError, namespacedPrincipal } from '../../../lib/server.ts'
import { audit } from './audit.ts'
import { recordKey } from './keys.ts'
import { endOf, newEpoch } from './principal-row.ts'
import { type PrincipalStore, principalStore } from './principal-store.ts'
import { assertFree, takeOver } from './reservation.ts'
import type { PrincipalRow } from '../schema.ts'
import { statusCacheOf } from './status-cache.ts'
import { insertUnique } from './unique.ts'
import { MAX_ROWS_READ, equal } from './where.ts'

type Account = Pick<ExternalBinding, 'issuer' | 'subject'>

/**
 * Creates a binding store in the plugin's tables, so that a principal never belongs to both a user and an account of
 * another provider. The account has its own row, whose id is derived from issuer and subject. The row's epoch
 * identifies its principal, and the row is written once.
 */
export function bindingStoreOf(adapter: DBAdapter, clock: () => number = Date.now): BindingStore {
  const store = (): PrincipalStore => principalStore(adapter, new Date(clock()))
  return {
    find: (issuer, subject) => findBinding(store(), { issuer, subject }),
    async insert({ issuer, subject, principal, thumbprint }) {
      const [principals, account] = [store(), { issuer, subject }]
      const found = await findBinding(principals, account)
      if (found) return found
      if (thumbprint === null) await writeOwn(principals, account, { kind: 'canonical', epoch: newEpoch() })
      else if (!(await bindOrRefuse(principals, account, { principal, thumbprint }))) return null
      const made = await findBinding(principals, account)
      statusCacheOf(adapter).clear()
      return made
    },
    useOnce: (name, until) => insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until }),
  }
}

async function findBinding(principals: PrincipalStore, { issuer, subject }: Account): Promise<ExternalBinding | null> {
  const { own, bound } = await rowsOfAccount(principals, { issuer, subject })
  if (own?.kind === 'canonical') return { issuer, subject, principal: own.principal, thumbprint: null }
  if (!bound || !(await isComplete(principals, bound))) return null
  return { issuer, subject, principal: bound.principal, thumbprint: bound.thumbprint }
}

/** Returns the account's own row, and the row of the device's principal that has its epoch. */
async function rowsOfAccount(
  principals: PrincipalStore,
  { issuer, subject }: Account,
): Promise<{ id: string; own: PrincipalRow | null; bound: PrincipalRow | undefined }> {
  const id = await namespacedPrincipal(issuer, subject)
  const own = await principals.find(id)
  if (!own || own.kind === 'canonical') return { id, own, bound: undefined }
  const where = equal({ issuer, subject })
  const rows = await principals.adapter.findMany<PrincipalRow>({
    model: 'latchkeyPrincipal',
    where,
    limit: MAX_ROWS_READ,
  })
  return { id, own, bound: rows.find(({ principal, epoch }) => principal !== id && epoch === own.epoch) }
}

/** Writes the account's own row once. A row whose principal was lost before completion is replaced. */
async function writeOwn(
  principals: PrincipalStore,
  account: Account,
  update: Pick<PrincipalRow, 'kind' | 'epoch'>,
): Promise<void> {
  const { id, own, bound } = await rowsOfAccount(principals, account)
  if (!own) await principals.tryInsert({ ...account, ...update, principal: id })
  else if (own.kind === 'alias' && !bound) await principals.change(own, update)
}

/** The row changes last: until it does, the next read completes the missing parts. */
async function isComplete(principals: PrincipalStore, row: PrincipalRow): Promise<boolean> {
  if (row.kind !== 'reserved') return row.kind === 'canonical'
  await audit(principals, 'bind', { ...row, userId: null })
  await recordKey(principals, { principal: row.principal, thumbprint: row.thumbprint! })
  // Before this, another account could still take the principal.
  if (await principals.change(row, { kind: 'canonical', until: null })) return true
  const present = await principals.find(row.principal)
  return present?.kind === 'canonical' && present.epoch === row.epoch
}

type Device = { readonly principal: string; readonly thumbprint: string }

/** @returns false if the principal belongs to another account */
async function bindOrRefuse(principals: PrincipalStore, account: Account, device: Device): Promise<boolean> {
  try {
    const row = await reserveExternal(principals, account, device)
    await writeOwn(principals, account, { kind: 'alias', epoch: row.epoch })
    const { bound } = await rowsOfAccount(principals, account)
    // Another device of the account was faster: this one keeps its principal.
    if (bound?.principal !== row.principal) await principals.change(row, { issuer: null, subject: null, until: null })
    return true
  } catch (error) {
    if (isLatchkeyError(error, 'PRINCIPAL_TAKEN')) return false
    throw error
  }
}

/** As for an account that is being created; the row names the account. */
async function reserveExternal(principals: PrincipalStore, account: Account, device: Device): Promise<PrincipalRow> {
  const found = await principals.find(device.principal)
  const row: PrincipalRow = {
    ...device,
    ...account,
    userId: null,
    kind: 'reserved',
    epoch: newEpoch(),
    until: endOf(principals.now),
  }
  if (!found) {
    await principals.insert(row)
    return row
  }
  await takeOver(principals, await assertFree(principals, found, device, null), row)
  return row
}
