import { insertUnique } from './unique.ts'
import type { Adapter } from './types.ts'

/** What the audit knows of. */
export type Act = 'bind' | 'link' | 'unlink' | 'reset' | 'retire' | 'revoke' | 'refuse'

/** An operation on a binding. */
export interface AuditEntry {
  readonly principal: string
  /** The binding's epoch, or another value that distinguishes two operations of one kind. */
  readonly epoch: string
  readonly userId: string | null
}

/** Records an operation, once however often it is retried: the next read completes what a crash left out. */
export async function audit(
  adapter: Adapter,
  act: Act,
  { principal, epoch, userId }: AuditEntry,
  now: Date,
): Promise<void> {
  await insertUnique(adapter, 'latchkeyAudit', 'act', {
    act: `${act}:${principal}:${epoch}`,
    principal,
    userId,
    createdAt: now,
  })
}
