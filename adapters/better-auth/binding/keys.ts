import type { KeyRow } from '../schema.ts'
import { insertUnique } from './unique.ts'
import type { Adapter, ProvenDevice } from './types.ts'

const KEYS = 'latchkeyKey'

/**
 * Records that a device key belongs to an account.
 *
 * @returns false if another request recorded the key at the same moment: Postgres then ends an open transaction
 */
export async function recordKey(
  adapter: Adapter,
  { principal, thumbprint }: ProvenDevice,
  now: Date,
): Promise<boolean> {
  if (await findKey(adapter, thumbprint)) {
    await touchKey(adapter, thumbprint, now)
    return true
  }
  const key = { thumbprint, principal, name: null, createdAt: now, lastSeenAt: now, retiredAt: null }
  return insertUnique(adapter, KEYS, 'thumbprint', key)
}

/** Records that a key signed a valid proof, unless it was revoked. */
export async function touchKey(adapter: Adapter, thumbprint: string, now: Date): Promise<void> {
  await adapter.updateMany({ model: KEYS, where: unrevoked(thumbprint), update: { lastSeenAt: now } })
}

/** Returns the keys of some principals, the oldest first. */
export async function listKeys(adapter: Adapter, principals: readonly string[]): Promise<KeyRow[]> {
  const where = [{ field: 'principal', operator: 'in' as const, value: [...principals] }]
  return adapter.findMany<KeyRow>({ model: KEYS, where, sortBy: { field: 'createdAt', direction: 'asc' } })
}

/** @param name - null removes the name */
export async function nameKey(adapter: Adapter, thumbprint: string, name: string | null): Promise<void> {
  await adapter.updateMany({ model: KEYS, where: [{ field: 'thumbprint', value: thumbprint }], update: { name } })
}

/**
 * Revokes a key: its signatures are refused from now on.
 *
 * @returns false if it was already revoked
 */
export async function revokeKey(adapter: Adapter, thumbprint: string, now: Date): Promise<boolean> {
  return (await adapter.updateMany({ model: KEYS, where: unrevoked(thumbprint), update: { retiredAt: now } })) === 1
}

/** Revokes every key of a principal. */
export async function revokeKeysOf(adapter: Adapter, principal: string, now: Date): Promise<void> {
  const where = [
    { field: 'principal', value: principal },
    { field: 'retiredAt', value: null },
  ]
  await adapter.updateMany({ model: KEYS, where, update: { retiredAt: now } })
}

/** Returns true if a key was revoked. */
export async function isRevokedKey(adapter: Adapter, thumbprint: string): Promise<boolean> {
  return (await findKey(adapter, thumbprint))?.retiredAt != null
}

function findKey(adapter: Adapter, thumbprint: string): Promise<KeyRow | null> {
  return adapter.findOne<KeyRow>({ model: KEYS, where: [{ field: 'thumbprint', value: thumbprint }] })
}

function unrevoked(thumbprint: string): { field: string; value: string | null }[] {
  return [
    { field: 'thumbprint', value: thumbprint },
    { field: 'retiredAt', value: null },
  ]
}
