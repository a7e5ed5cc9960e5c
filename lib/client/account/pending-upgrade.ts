import type { Intent } from '../../keystore/record.ts'
import type { Runtime } from '../shared/context.ts'

/** How long an upgrade waits for a mail, a redirect or a code, in milliseconds. Links of account servers live shorter. */
const LIFETIME = 60 * 60 * 1000

/**
 * Runs an attempt with an intent in the record: a page that leaves or dies in the middle finds it again. One that fails
 * leaves the record as it was.
 */
export async function withIntent<Value>(runtime: Runtime, attempt: (intent: Intent) => Promise<Value>): Promise<Value> {
  const now = runtime.now()
  const { EMPTY_KEYRING, currentEntry, liveIntent } = runtime.core
  const waiting = liveIntent(runtime.ring(), now)
  const principal = currentEntry(runtime.ring())?.principal ?? null
  // An attempt that waits goes on, with its id and what the person typed.
  const intent = {
    id: crypto.randomUUID(),
    expected: null,
    startedAt: now,
    ...waiting,
    principal,
    expiresAt: now + LIFETIME,
  }
  try {
    // Without a record there is nothing to bind; an otherwise empty one would mean that somebody signed out.
    await runtime.write((ring) => (ring === EMPTY_KEYRING ? ring : { ...ring, intent }))
    return await attempt(intent)
  } catch (error) {
    // Where it cannot be put back, an upgrade is thought to wait until it expires: nothing comes of it by itself.
    await restoreIntent(runtime, intent, waiting).catch(() => {})
    throw error
  }
}

/** Keeps what the person typed, for the session that comes. */
export async function keepExpected(runtime: Runtime, { id }: Intent, expected: string): Promise<void> {
  await runtime.write((ring) =>
    ring.intent?.id === id && ring.intent.expected !== expected
      ? { ...ring, intent: { ...ring.intent, expected } }
      : ring,
  )
}

/** Puts back what was there before an attempt, unless another tab began one of its own. */
async function restoreIntent(runtime: Runtime, { id }: Intent, before: Intent | null): Promise<void> {
  await runtime.write((ring) => (ring.intent?.id === id ? { ...ring, intent: before } : ring))
}
