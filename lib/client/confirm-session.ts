import type { AccountEntry } from '../keystore/record.ts'
import type { AccountSession } from './account.ts'
import type { Runtime } from './runtime.ts'

/** What an offline start will need to know about the account. */
export function accountEntry(found: AccountSession, verifiedAt: number): AccountEntry {
  const { accountId, principal, aliases, recoverable } = found
  return { kind: 'account', accountId, principal, aliases, recoverable, claims: {}, verifiedAt }
}

/**
 * Asks the account server, once after the start, whether the session of external mode is still there.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function confirmSession(runtime: Runtime): Promise<void> {
  const { account } = runtime.options
  const entry = runtime.core.currentEntry(runtime.ring())
  if (entry?.kind !== 'account' || !account) return
  const found = await account.getSession()
  // No session, or somebody else's: the person stays who they are here, and is told.
  if (found?.accountId !== entry.accountId || found.principal !== entry.principal) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'missing' })
    return
  }
  const confirmed = accountEntry(found, runtime.now())
  await runtime.write((ring) => ({
    ...ring,
    entries: ring.entries.map((other) => (other.kind === 'account' && other.accountId === entry.accountId ? { ...other, ...confirmed, claims: other.claims } : other)),
  }))
  runtime.dispatch({ type: 'sessionConfirmed', view: runtime.view() })
}
