import { insertUnique } from './unique.ts'
import type { PrincipalStore } from './principal-store.ts'

/** The kinds of operations that the audit records. */
export type Act = 'bind' | 'link' | 'unlink' | 'reset' | 'retire' | 'revoke' | 'refuse' | 'pair'

/** An operation on a binding. */
export interface AuditEntry {
  readonly principal: string
  /** The binding's epoch, or another value that distinguishes two operations of one kind. */
  readonly epoch: string
  readonly userId: string | null
}

/** A recorded operation. */
export interface AuditRecord {
  readonly act: Act
  readonly principal: string
  readonly userId: string | null
  /** In milliseconds since 1970. */
  readonly at: number
}

/** Finds recorded operations. */
export async function findAudit(
  { adapter }: PrincipalStore,
  query: Omit<Parameters<PrincipalStore['adapter']['findMany']>[0], 'model'>,
): Promise<AuditRecord[]> {
  type Row = Omit<AuditEntry, 'epoch'> & { readonly act: string; readonly createdAt: Date }
  const rows = await adapter.findMany<Row>({ model: 'latchkeyAudit', ...query })
  return rows.map(({ act, principal, userId, createdAt }) => ({
    act: act.split(':')[0] as Act,
    principal,
    userId: userId ?? null,
    at: new Date(createdAt).getTime(),
  }))
}

/** Finds the last operation of one kind on an account, or on one of its principals. */
export async function lastAct(
  principals: PrincipalStore,
  act: Act,
  of: { readonly userId: string; readonly principal?: string },
): Promise<AuditRecord | undefined> {
  const where = Object.entries(of).map(([field, value]) => ({ field, value }))
  const records = await findAudit(principals, {
    where: [...where, { field: 'act', operator: 'starts_with', value: `${act}:` }],
    sortBy: { field: 'createdAt', direction: 'desc' },
    limit: 1,
  })
  return records[0]
}

/** Records an operation, once however often it is retried: the next read completes what a crash left out. */
export async function audit(
  { adapter, now }: PrincipalStore,
  act: Act,
  { principal, epoch, userId }: AuditEntry,
): Promise<void> {
  await insertUnique(adapter, 'latchkeyAudit', 'act', {
    act: `${act}:${principal}:${epoch}`,
    principal,
    userId,
    createdAt: now,
  })
}
