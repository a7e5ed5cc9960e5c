import { currentAccount } from '../../keystore/entries.ts'
import { currentEntry, liveIntent } from '../../keystore/keyring.ts'
import { randomId } from '../../keystore/random-id.ts'
import type { Intent } from '../../keystore/record.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'

/** How long an upgrade waits for a mail, a redirect or a code. Links of account servers expire sooner. */
const PENDING_LIFETIME_MS = 60 * 60 * 1000

/** An upgrade stored in the record, so that it survives a reload or crash of the page. */
export interface PendingIntent {
  /** The identifier that an earlier step of the same upgrade sent. */
  readonly expected: string | null
  /** Writes it into the record. */
  begin(): Promise<void>
  /** Stores the identifier that the user typed, to compare it with the session that follows. */
  expect(identifier: string): Promise<void>
  /** Restores the previous intent, unless another tab began its own upgrade. */
  restore(): Promise<void>
}

/**
 * Prepares the intent of an upgrade. One that is pending continues, with its id and the identifier typed so far.
 *
 * @param identifier - what the user typed, as the app says; replaces what was typed before
 */
export function openIntent(context: Context, identifier?: string): PendingIntent {
  const now = deviceTime(context)
  const before = liveIntent(context.keyring(), now)
  const intent: Intent = {
    id: randomId(),
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
    // Without a record there is nothing to bind, and creating an empty one would mean that the user signed out.
    begin: () => context.write((keyring) => keyring && { ...keyring, intent }),
    // The first one stays: any later request may name someone else's address.
    expect: (expected) => change((found) => (found.expected === null ? { ...found, expected } : found)),
    restore: () => change(() => before),
  }
}
