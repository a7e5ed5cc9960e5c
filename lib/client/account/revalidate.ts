import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import type { Runtime } from '../shared/context.ts'

/** What an offline start will need to know about the account. */
export function accountEntry(found: AccountSession, verifiedAt: number): AccountEntry {
  const { accountId, principal, aliases, recoverable } = found
  return { kind: 'account', accountId, principal, aliases, recoverable, claims: {}, verifiedAt }
}

/** The account with other aliases than before; the token at hand carries those of before, and servers believe it. */
export function withAliases({ token, ...entry }: AccountEntry, aliases: readonly string[]): AccountEntry {
  return { ...entry, aliases, ...(token && `${aliases}` === `${entry.aliases}` && { token }) }
}

/**
 * Asks the account server, once after the start, whether the session of external mode is still there.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function confirmSession(runtime: Runtime): Promise<void> {
  const { account } = runtime.options
  const entry = accountInForce(runtime, runtime.ring())
  if (!entry || !account) return
  const found = await account.getSession()
  // An act that came between question and answer knows better.
  const isAsked = (ring: Keyring): boolean => {
    const now = accountInForce(runtime, ring)
    return now?.accountId === entry.accountId && now.verifiedAt === entry.verifiedAt
  }
  if (!isAsked(runtime.ring())) return
  // No session, or somebody else's: the person stays who they are here, and is told.
  if (found?.accountId !== entry.accountId || found.principal !== entry.principal) {
    runtime.dispatch({ type: 'tokenRejected', reason: 'missing' })
    return
  }
  const confirmed = accountEntry(found, runtime.now())
  await runtime.write((ring) => {
    if (!isAsked(ring)) return ring
    const entries = ring.entries.map((other) =>
      other.kind === 'account' && other.accountId === entry.accountId
        ? { ...withAliases(other, confirmed.aliases), ...confirmed, claims: other.claims }
        : other,
    )
    return { ...ring, entries }
  })
  if (accountInForce(runtime, runtime.ring())?.accountId === entry.accountId)
    runtime.dispatch({ type: 'sessionConfirmed', view: runtime.view() })
}

/** The account in force, if it is one. */
export function accountInForce({ core }: Runtime, ring: Keyring): AccountEntry | undefined {
  const entry = core.currentEntry(ring)
  return entry?.kind === 'account' ? entry : undefined
}
