import { insertUnique } from './unique.ts'
import type { Adapter } from './types.ts'

/** What the audit knows of. */
export type Act = 'bind' | 'link' | 'unlink' | 'reset' | 'retire' | 'revoke' | 'refuse'

/** What happened to which binding. */
export interface AuditEntry {
  readonly principal: string
  /** Of the binding; or what else tells two acts of one kind apart. */
  readonly epoch: string
  readonly userId: string | null
}

/** Writes an act down, once however often it is tried: what a crash left unwritten is completed by the next look. */
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
