import type { Keyring } from '../../keystore/record.ts'
import type { Runtime } from '../shared/context.ts'

/** Adds that the account server still has to end the account's session. */
export function withSignOut(ring: Keyring, accountId: string, createdAt: number): Keyring {
  return { ...ring, outbox: [...ring.outbox, { id: crypto.randomUUID(), kind: 'sign-out', accountId, createdAt }] }
}

/**
 * Tells the account server what it has not heard yet. An item leaves the record only once it was heard.
 * Called only inside `exclusively`: a late sign-out would end the next session.
 *
 * @throws {LatchkeyError} `OFFLINE`
 */
export async function deliverOutbox(runtime: Runtime): Promise<void> {
  const { account } = runtime.options
  // A page or worker that knows no account server leaves it to one that does.
  if (!account) return
  await runtime.read()
  for (const item of runtime.ring().outbox) {
    const found = await account.getSession()
    // Somebody else has signed in on this browser since, so the session that was meant is not there any more.
    if (!found || found.accountId === item.accountId) await account.signOut()
    await runtime.write((ring) => ({ ...ring, outbox: ring.outbox.filter(({ id }) => id !== item.id) }))
  }
}
