import type { AccountSessionRow, AccountSessionStore } from './session-store.ts'
import { ALIAS_HOLD_MS, ALIAS_LIMIT, type AdoptingBindingStore, type ExternalBinding } from './binding-store.ts'

interface Row extends ExternalBinding {
  readonly kind: 'canonical' | 'alias' | 'former'
  /** Until when only the same account can take a former alias, in milliseconds since 1970. */
  readonly heldUntil: number
}

/**
 * Creates a binding store in memory, for tests and examples. Its content is lost when the process ends.
 *
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function memoryBindingStore(clock: () => number = Date.now): AdoptingBindingStore & AccountSessionStore {
  const rows = new Map<string, Row>()
  const rowsOf = (issuer: string, subject: string, kind: Row['kind']): Row[] =>
    [...rows.values()].filter((row) => row.kind === kind && isOf(row, issuer, subject))
  const find = (issuer: string, subject: string): ExternalBinding | null =>
    toBinding(rowsOf(issuer, subject, 'canonical')[0])
  const put = (binding: ExternalBinding, kind: Row['kind'], heldUntil = 0): void =>
    void rows.set(binding.principal, Object.freeze({ ...binding, kind, heldUntil }))
  return {
    ...memorySessionStore(clock),
    find: async (issuer, subject) => find(issuer, subject),
    async insert(binding) {
      const found = find(binding.issuer, binding.subject)
      if (found) return found
      if (!isFree(rows.get(binding.principal), binding, clock())) return null
      put(binding, 'canonical')
      return find(binding.issuer, binding.subject)
    },
    useOnce: createUseOnce(clock),
    aliasesOf: async (issuer, subject) => rowsOf(issuer, subject, 'alias').map(({ principal }) => principal),
    async link(binding) {
      const { issuer, subject, principal, thumbprint } = binding
      const row = rows.get(principal)
      if (row?.kind === 'alias' && isOf(row, issuer, subject) && row.thumbprint === thumbprint) return 'linked'
      if (!isFree(row, binding, clock())) return 'taken'
      if (rowsOf(issuer, subject, 'alias').length >= ALIAS_LIMIT) return 'full'
      put(binding, 'alias')
      return 'linked'
    },
    async unlink(issuer, subject, alias) {
      const row = rows.get(alias)
      if (!row || !isOf(row, issuer, subject) || row.kind === 'canonical') return false
      if (row.kind === 'former') return row.heldUntil > clock()
      put(toBinding(row)!, 'former', clock() + ALIAS_HOLD_MS)
      return true
    },
    async holderOf(principal) {
      const row = rows.get(principal)
      return row ? { ...toBinding(row)!, kind: row.kind } : null
    },
  }
}

function memorySessionStore(clock: () => number): AccountSessionStore {
  const rows = new Map<string, AccountSessionRow>()
  const keyOf = (...names: string[]): string => JSON.stringify(names)
  const change = (key: string, more: Partial<AccountSessionRow>): void => {
    rows.set(key, Object.freeze({ ...rows.get(key)!, ...more }))
  }
  return {
    findSession: async (...names) => rows.get(keyOf(...names)) ?? null,
    async sessionsOf(issuer, subject) {
      const start = keyOf(issuer, subject).replace(/\]$/, ',')
      return [...rows].filter(([key]) => key.startsWith(start)).map(([, row]) => row)
    },
    async seeSession(issuer, subject, seen) {
      const key = keyOf(issuer, subject, seen.session)
      const found = rows.get(key)
      change(
        key,
        found ? { lastSeenAt: clock() } : { ...seen, createdAt: clock(), lastSeenAt: clock(), revokedAt: null },
      )
      return rows.get(key)!
    },
    async nameSession(issuer, subject, session, name) {
      const key = keyOf(issuer, subject, session)
      if (rows.has(key)) change(key, { name })
      return rows.has(key)
    },
    async revokeSession(...names) {
      const key = keyOf(...names)
      if (rows.get(key)?.revokedAt !== null) return false
      change(key, { revokedAt: clock() })
      return true
    },
  }
}

function createUseOnce(clock: () => number): AdoptingBindingStore['useOnce'] {
  const used = new Map<string, number>()
  return async (name, until) => {
    for (const [old, end] of used) if (end <= clock()) used.delete(old)
    if (used.has(name)) return false
    used.set(name, until.getTime())
    return true
  }
}

function isFree(row: Row | undefined, { issuer, subject, thumbprint }: ExternalBinding, now: number): boolean {
  if (!row) return true
  const isReleased = row.kind === 'former' && (isOf(row, issuer, subject) || row.heldUntil <= now)
  return isReleased && row.thumbprint === thumbprint
}

function isOf(row: Row, issuer: string, subject: string): boolean {
  return row.issuer === issuer && row.subject === subject
}

function toBinding(row: Row | undefined): ExternalBinding | null {
  return row ? { issuer: row.issuer, subject: row.subject, principal: row.principal, thumbprint: row.thumbprint } : null
}
