import type { Intent, Keyring } from '../keystore/record.ts'
import type { Runtime } from './runtime.ts'

/** How long an upgrade waits for a mail, a redirect or a code, in milliseconds. Links of account servers live shorter. */
const LIFETIME = 60 * 60 * 1000

/** The intent that is alive in a record. */
export function liveIntent(ring: Keyring, now: number): Intent | null {
  return ring.intent && ring.intent.expiresAt > now ? ring.intent : null
}

/** Writes down that an upgrade begins, before anything is sent: a page that leaves or dies in the middle finds it again. */
export async function openIntent(runtime: Runtime): Promise<Intent> {
  const now = runtime.now()
  await runtime.write((ring) => {
    const principal = runtime.core.currentEntry(ring)?.principal ?? null
    // An attempt that waits goes on, with its id and what the person typed.
    const before = liveIntent(ring, now)
    const intent: Intent = { id: crypto.randomUUID(), expected: null, startedAt: now, ...before, principal, expiresAt: now + LIFETIME }
    return { ...ring, intent }
  })
  return runtime.ring().intent!
}

/** Keeps what the person typed, for the session that comes. */
export async function keepExpected(runtime: Runtime, { id }: Intent, expected: string | null): Promise<void> {
  if (expected === null) return
  await runtime.write((ring) => (ring.intent?.id === id && ring.intent.expected !== expected ? { ...ring, intent: { ...ring.intent, expected } } : ring))
}

/** Puts back what was there before an attempt, unless another tab began one of its own. */
export async function restoreIntent(runtime: Runtime, { id }: Intent, before: Intent | null): Promise<void> {
  await runtime.write((ring) => (ring.intent?.id === id ? { ...ring, intent: before } : ring))
}
