import { insertUnique } from './unique.ts'
import type { Adapter } from './types.ts'

/** Longer than any session lasts, in milliseconds. */
const KEPT_MS = 400 * 86_400_000

/**
 * Records that a session came from the first proof of a mailbox. Another party may have created the account, and may
 * still have access.
 */
export async function noteHandover(adapter: Adapter, sessionId: string, now: Date): Promise<void> {
  await insertUnique(adapter, 'latchkeyProof', 'jti', {
    jti: nameOf(sessionId),
    until: new Date(now.getTime() + KEPT_MS),
  })
}

/** Returns true if a session came from the first proof of a mailbox. */
export async function isNotedHandover(adapter: Adapter, sessionId: string): Promise<boolean> {
  return (await adapter.count({ model: 'latchkeyProof', where: [{ field: 'jti', value: nameOf(sessionId) }] })) > 0
}

function nameOf(sessionId: string): string {
  return `handover:${sessionId}`
}
