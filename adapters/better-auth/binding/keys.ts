import type { KeyRow } from '../schema.ts'
import { repeatStatement } from './repeat.ts'
import { insertUnique } from './unique.ts'
import { MAX_ROWS_READ, equal } from './where.ts'
import type { PrincipalStore } from './principal-store.ts'
import type { ProvenDevice } from './types.ts'

const KEYS = 'latchkeyKey'

/**
 * Records that a device key belongs to an account.
 *
 * @returns false if another request recorded the key at the same moment: Postgres then ends an open transaction
 */
export async function recordKey(principals: PrincipalStore, { principal, thumbprint }: ProvenDevice): Promise<boolean> {
  if (await findKey(principals, thumbprint)) {
    await touchKey(principals, thumbprint)
    return true
  }
  const { adapter, now } = principals
  const key = { thumbprint, principal, name: null, createdAt: now, lastSeenAt: now, retiredAt: null }
  return insertUnique(adapter, KEYS, 'thumbprint', key)
}

/** Records that a key signed a valid proof, unless it was revoked. */
export async function touchKey({ adapter, now }: PrincipalStore, thumbprint: string): Promise<void> {
  const query = { model: KEYS, where: equal({ thumbprint, retiredAt: null }), update: { lastSeenAt: now } }
  await repeatStatement(() => adapter.updateMany(query))
}

/** Returns the keys of some principals, the oldest first. */
export async function listKeys({ adapter }: PrincipalStore, names: readonly string[]): Promise<KeyRow[]> {
  const where = [{ field: 'principal', operator: 'in' as const, value: [...names] }]
  const sortBy = { field: 'createdAt', direction: 'asc' } as const
  return adapter.findMany<KeyRow>({ model: KEYS, where, sortBy, limit: MAX_ROWS_READ })
}

/** @param name - null removes the name */
export async function nameKey({ adapter }: PrincipalStore, thumbprint: string, name: string | null): Promise<void> {
  await adapter.updateMany({ model: KEYS, where: equal({ thumbprint }), update: { name } })
}

/**
 * Revokes a key: its signatures are refused from now on.
 *
 * @returns false if it was already revoked
 */
export async function revokeKey(principals: PrincipalStore, thumbprint: string): Promise<boolean> {
  return (await revokeKeys(principals, { thumbprint })) === 1
}

/** Revokes every key of a principal. */
export async function revokeKeysOf(principals: PrincipalStore, principal: string): Promise<void> {
  await revokeKeys(principals, { principal })
}

function revokeKeys({ adapter, now }: PrincipalStore, of: Readonly<Record<string, string>>): Promise<number> {
  const query = { model: KEYS, where: equal({ ...of, retiredAt: null }), update: { retiredAt: now } }
  return repeatStatement(() => adapter.updateMany(query))
}

/** Returns true if a key was revoked. */
export async function isRevokedKey(principals: PrincipalStore, thumbprint: string): Promise<boolean> {
  return (await findKey(principals, thumbprint))?.retiredAt != null
}

function findKey({ adapter }: PrincipalStore, thumbprint: string): Promise<KeyRow | null> {
  return adapter.findOne<KeyRow>({ model: KEYS, where: equal({ thumbprint }) })
}
