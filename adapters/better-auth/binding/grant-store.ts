import { encodeBase64url } from '../../../lib/server-kit.ts'
import type { GrantRow } from '../schema.ts'
import type { Adapter } from './types.ts'

const GRANTS = 'latchkeyGrant'

/** How long a grant may be used, in milliseconds. */
export const GRANT_LIFETIME_MS = 120_000

/** What a grant is for. */
export type Granted = Pick<GrantRow, 'userId' | 'principalEpoch' | 'approverSession' | 'thumbprint'>

/**
 * Issues a grant, which replaces every earlier one of the same session.
 *
 * @returns the text that the new device gets; the table has only its hash
 */
export async function issueGrant(adapter: Adapter, granted: Granted, now: Date): Promise<string> {
  await adapter.deleteMany({ model: GRANTS, where: [{ field: 'expiresAt', operator: 'lt', value: now }] })
  await deleteGrantsBy(adapter, granted.approverSession)
  const grant = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const expiresAt = new Date(now.getTime() + GRANT_LIFETIME_MS)
  await adapter.create({ model: GRANTS, data: { ...granted, hash: await hashOf(grant), expiresAt } })
  return grant
}

/** Returns the grant that a device may use now, or null. */
export async function findGrant(
  adapter: Adapter,
  grant: string,
  thumbprint: string,
  now: Date,
): Promise<GrantRow | null> {
  const where = [{ field: 'hash', value: await hashOf(grant) }]
  const row = await adapter.findOne<GrantRow>({ model: GRANTS, where })
  return row && row.thumbprint === thumbprint && new Date(row.expiresAt) > now ? row : null
}

/**
 * Uses a grant up, in one conditional statement: of two requests, one succeeds.
 *
 * @returns false if it was used or withdrawn meanwhile
 */
export async function consumeGrant(adapter: Adapter, { hash, thumbprint }: GrantRow, now: Date): Promise<boolean> {
  const where = [
    { field: 'hash', value: hash },
    { field: 'thumbprint', value: thumbprint },
    { field: 'expiresAt', operator: 'gt' as const, value: now },
  ]
  return (await adapter.updateMany({ model: GRANTS, where, update: { thumbprint: USED } })) === 1
}

/**
 * Withdraws a grant of a session, in one conditional statement: of this and a device that uses it, one succeeds.
 *
 * @returns false if it was used before, has expired, or is not of this session
 */
export async function withdrawGrant(adapter: Adapter, grant: string, sessionId: string, now: Date): Promise<boolean> {
  const hash = { field: 'hash', value: await hashOf(grant) }
  const where = [
    hash,
    { field: 'approverSession', value: sessionId },
    { field: 'thumbprint', operator: 'ne' as const, value: USED },
    { field: 'expiresAt', operator: 'gt' as const, value: now },
  ]
  // Not every database counts what it deletes. Of two withdrawals, both may succeed.
  const isDone = (await adapter.updateMany({ model: GRANTS, where, update: { thumbprint: WITHDRAWN } })) === 1
  if (isDone) await adapter.deleteMany({ model: GRANTS, where: [hash] })
  return isDone
}

/** Replaces the thumbprint, and matches no key, until the row is deleted. */
const WITHDRAWN = 'withdrawn'

/** Replaces the thumbprint, and matches no key. The row stays until it expires, so a grant in use can be withdrawn. */
const USED = 'used'

/** Returns true if a grant was withdrawn since it was found. */
export async function isWithdrawn(adapter: Adapter, { hash }: GrantRow): Promise<boolean> {
  return (await adapter.count({ model: GRANTS, where: [{ field: 'hash', value: hash }] })) === 0
}

/** Returns true if a device may still get a session of the user by a grant. By the system's clock. */
export async function hasGrant(adapter: Adapter, userId: string): Promise<boolean> {
  const where = [
    { field: 'userId', value: userId },
    { field: 'thumbprint', operator: 'ne' as const, value: USED },
    { field: 'expiresAt', operator: 'gt' as const, value: new Date() },
  ]
  return (await adapter.count({ model: GRANTS, where })) > 0
}

/**
 * Withdraws all grants of a user, including those in use. Does not depend on the option `pairing` of this
 * process: another process of the server may have it.
 */
export async function deleteGrantsOf(adapter: Adapter, userId: string): Promise<void> {
  await adapter.deleteMany({ model: GRANTS, where: [{ field: 'userId', value: userId }] })
}

/** Withdraws the grants that a session gave. */
export async function deleteGrantsBy(adapter: Adapter, sessionId: string): Promise<void> {
  await adapter.deleteMany({ model: GRANTS, where: [{ field: 'approverSession', value: sessionId }] })
}

async function hashOf(grant: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(grant))))
}
