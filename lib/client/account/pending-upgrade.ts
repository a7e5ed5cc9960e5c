import { currentAccount } from '../../keystore/entries.ts'
import { currentEntry, liveIntent } from '../../keystore/keyring.ts'
import type { Intent } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'

/** How long an upgrade waits for a mail, a redirect or a code. Links of account servers live shorter. */
const PENDING_LIFETIME_MS = 60 * 60 * 1000

/** An upgrade in the record: a page that leaves or dies in the middle finds it again. */
export interface PendingIntent {
  /** The identifier that an earlier step of the same upgrade sent. */
  readonly expected: string | null
  /** Writes it into the record. */
  begin(): Promise<void>
  /** Keeps the identifier that the user typed, for the session that comes. */
  expect(identifier: string): Promise<void>
  /** Puts back what was there before, unless another tab began an upgrade of its own. */
  restore(): Promise<void>
}

/**
 * Prepares the intent of an upgrade. One that is pending continues, with its id and the identifier typed so far.
 *
 * @param identifier - what the user typed, as the app says; replaces what was typed before
 */
export function openIntent(context: Context, identifier?: string): PendingIntent {
  const now = context.now()
  const before = liveIntent(context.keyring(), now)
  const intent: Intent = {
    id: crypto.randomUUID(),
    expected: currentAccount(context.keyring())?.expected ?? null,
    startedAt: now,
    ...before,
    ...(identifier && { expected: identifier }),
    principal: currentEntry(context.keyring())?.principal ?? null,
    expiresAt: now + PENDING_LIFETIME_MS,
  }
  const change = (update: (found: Intent) => Intent | null): Promise<void> =>
    context.write((keyring) => {
      const found = keyring?.intent
      if (!keyring || found?.id !== intent.id) return keyring
      const next = update(found)
      return next === found ? keyring : { ...keyring, intent: next }
    })
  return {
    expected: intent.expected,
    // Without a record there is nothing to bind; an otherwise empty one would mean that the user signed out.
    begin: () => context.write((keyring) => keyring && { ...keyring, intent }),
    // The first one stays: any later request may name someone else's address.
    expect: (expected) => change((found) => (found.expected === null ? { ...found, expected } : found)),
    restore: () => change(() => before),
  }
}
