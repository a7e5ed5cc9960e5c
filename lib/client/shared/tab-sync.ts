import { currentAccount } from '../../keystore/entries.ts'
import type { Context } from './context.ts'

/** Before the first repetition of a read that failed, and the longest wait; it triples with each failure. */
const RETRY_MS = 1000
const LONGEST_RETRY_MS = 300_000

/** How long the tab of a sign-out may take to deliver it itself. */
const DELIVERY_GRACE_MS = 5000

/** What connects a tab with the others. */
interface Tabs {
  /** Notifies the other tabs. */
  announce(): void
  /** Reads their changes, again after a failure. A sign-out that its own tab does not deliver is delivered here. */
  follow(): Promise<void>
  leave(): void
}

/**
 * Connects the tabs of one app. A message says only that the record changed; every tab then reads it. A frozen tab
 * reads it after it resumes: it still receives messages, but a read that it starts would not finish, and would block
 * all other writers.
 *
 * @param signal - stops watching for freezes, and ends the timers
 * @param deliver - delivers the outbox
 */
export function connectTabs(context: Context, signal: AbortSignal, deliver: () => void): Tabs {
  const { channel: name } = context.store
  let channel = name && typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : undefined
  let isFrozen = false
  let delay = 0
  const timers = new Map<() => unknown, ReturnType<typeof setTimeout>>()

  function later(act: () => unknown, ms: number): void {
    if (signal.aborted || timers.has(act)) return
    const timer = setTimeout(() => (timers.delete(act), act()), ms)
    timers.set(act, timer)
    // A process of Node may end meanwhile.
    ;(timer as { unref?: () => void }).unref?.()
  }

  async function follow(): Promise<void> {
    if (isFrozen) return
    if (!(await readAgain(context))) {
      // Messages that come before the repetition do not make the wait longer.
      if (!timers.has(follow)) later(follow, (delay = Math.min(delay * 3 || RETRY_MS, LONGEST_RETRY_MS)))
      return
    }
    delay = 0
    if (context.keyring()?.outbox.length) later(deliver, DELIVERY_GRACE_MS)
  }

  signal.addEventListener('abort', () => timers.forEach((timer) => clearTimeout(timer)))
  globalThis.document?.addEventListener?.('freeze', () => (isFrozen = true), { signal })
  globalThis.document?.addEventListener?.('resume', () => (isFrozen = false), { signal })
  if (channel) channel.onmessage = () => void follow()
  return {
    announce: () => channel?.postMessage('changed'),
    follow,
    leave() {
      channel?.close()
      // A closed channel throws on use, but the page may continue.
      channel = undefined
    },
  }
}

/** Reads the changes of other tabs. Returns false if the store is not available: this tab stays as it is. */
export async function readAgain(context: Context): Promise<boolean> {
  const known = confirmedAt(context)
  try {
    await context.read()
  } catch {
    return false
  }
  const confirmed = confirmedAt(context)
  // Another tab has reached the account server since, so an earlier error of the session is over. Not a later time: the
  // clock may have been set back.
  if (confirmed !== 0 && confirmed !== known) context.dispatch({ type: 'tokenAccepted' })
  return true
}

/** Returns the time at which the server last confirmed the current account; 0 without one. */
function confirmedAt(context: Context): number {
  return currentAccount(context.keyring())?.verifiedAt ?? 0
}
