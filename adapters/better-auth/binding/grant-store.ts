import type { Where } from 'better-auth'
import { encodeBase64url } from '../../../lib/server-kit.ts'
import type { GrantRow } from '../schema.ts'
import { SLOT_LIFETIME_MS } from './rendezvous-store.ts'
import type { Adapter } from './types.ts'
import { equal } from './where.ts'

const GRANTS = 'latchkeyGrant'

/** How long a grant may be used, in milliseconds. */
export const GRANT_LIFETIME_MS = 120_000

/**
 * Replaces the thumbprint, and matches no key. The row of a grant that a later one replaced stays as long as that of a
 * used one: the device that gave it learns that it was not used.
 */
const WITHDRAWN = 'withdrawn'

/**
 * Replaces the thumbprint, and matches no key. The row stays, so a grant in use can be withdrawn, and the device that
 * gave it learns that it was used. It is deleted once its pairing has ended for certain.
 */
const USED = 'used'

const UNUSED: Where = { field: 'thumbprint', operator: 'ne', value: USED }
const USABLE: readonly Where[] = [UNUSED, { field: 'thumbprint', operator: 'ne', value: WITHDRAWN }]

/** What a grant is for. */
export type Granted = Pick<GrantRow, 'userId' | 'principalEpoch' | 'approverSession' | 'thumbprint'>

/** The grants of a database, as one request reads and changes them. */
export interface GrantStore {
  /**
   * Issues a grant, which replaces every earlier unused one of the same session.
   *
   * @returns the text that the new device gets; the table has only its hash
   */
  issue(granted: Granted): Promise<string>
  /** Returns the grant that a device may use now, or null. */
  find(grant: string, thumbprint: string): Promise<GrantRow | null>
  /**
   * Uses a grant up, in one conditional statement: of two requests, one succeeds.
   *
   * @returns false if it was used or withdrawn meanwhile
   */
  consume(grant: GrantRow): Promise<boolean>
  /**
   * Withdraws a grant of a session, in one conditional statement: of this and a device that uses it, one succeeds. One
   * that has expired unused is withdrawn, too.
   *
   * @returns false if it was used before, is not of this session, or is not there any more
   */
  withdraw(grant: string, sessionId: string): Promise<boolean>
  /** Returns true if a grant was withdrawn since it was found. */
  isWithdrawn(grant: GrantRow): Promise<boolean>
}

/** @param now - the time of the request */
export function grantStore(adapter: Adapter, now: Date): GrantStore {
  const change = async (where: Where[], thumbprint: string): Promise<boolean> =>
    (await adapter.updateMany({ model: GRANTS, where, update: { thumbprint } })) === 1
  return {
    async issue(granted) {
      const long = new Date(now.getTime() - SLOT_LIFETIME_MS)
      await adapter.deleteMany({ model: GRANTS, where: [{ field: 'expiresAt', operator: 'lt', value: long }] })
      await change([...equal({ approverSession: granted.approverSession }), UNUSED], WITHDRAWN)
      const grant = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
      const expiresAt = new Date(now.getTime() + GRANT_LIFETIME_MS)
      await adapter.create({ model: GRANTS, data: { ...granted, hash: await hashOf(grant), expiresAt } })
      return grant
    },
    async find(grant, thumbprint) {
      const row = await adapter.findOne<GrantRow>({ model: GRANTS, where: equal({ hash: await hashOf(grant) }) })
      return row && row.thumbprint === thumbprint && new Date(row.expiresAt) > now ? row : null
    },
    consume: ({ hash, thumbprint }) => change([...equal({ hash, thumbprint }), unexpired(now)], USED),
    async withdraw(grant, approverSession) {
      const hash = await hashOf(grant)
      // Not every database counts what it deletes. Of two withdrawals, both may succeed.
      const isDone = await change([...equal({ hash, approverSession }), UNUSED], WITHDRAWN)
      if (isDone) await adapter.deleteMany({ model: GRANTS, where: equal({ hash }) })
      return isDone
    },
    isWithdrawn: async ({ hash }) => (await adapter.count({ model: GRANTS, where: equal({ hash }) })) === 0,
  }
}

/** Returns true if a device may still get a session of the user by a grant. By the system's clock. */
export async function hasGrant(adapter: Adapter, userId: string): Promise<boolean> {
  const where = [...equal({ userId }), ...USABLE, unexpired(new Date())]
  return (await adapter.count({ model: GRANTS, where })) > 0
}

/**
 * Withdraws all grants of a user, including those in use. Does not depend on the option `pairing` of this
 * process: another process of the server may have it.
 */
export async function deleteGrantsOf(adapter: Adapter, userId: string): Promise<void> {
  await adapter.deleteMany({ model: GRANTS, where: equal({ userId }) })
}

/** Withdraws the grants that a session gave. */
export async function deleteGrantsBy(adapter: Adapter, approverSession: string): Promise<void> {
  await adapter.deleteMany({ model: GRANTS, where: equal({ approverSession }) })
}

function unexpired(now: Date): Where {
  return { field: 'expiresAt', operator: 'gt', value: now }
}

async function hashOf(grant: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(grant))))
}
