import { currentAccount } from '../../keystore/entries.ts'
import type { Context } from './context.ts'

/**
 * Connects the tabs of one app. A message says only that the record changed; every tab then reads it. A frozen tab
 * reads it after it resumes: it still receives messages, but a read that it starts would not finish, and would block
 * all other writers.
 *
 * @param signal - stops watching for freezes
 * @returns functions that notify the other tabs, and disconnect
 */
export function connectTabs(context: Context, signal: AbortSignal): { announce(): void; leave(): void } {
  const { channel: name } = context.store
  let channel = name && typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : undefined
  let isFrozen = false
  globalThis.document?.addEventListener?.('freeze', () => (isFrozen = true), { signal })
  globalThis.document?.addEventListener?.('resume', () => (isFrozen = false), { signal })
  if (channel) channel.onmessage = () => void (isFrozen || readAgain(context))
  return {
    announce: () => channel?.postMessage('changed'),
    leave() {
      channel?.close()
      // A closed channel throws on use, but the page may continue.
      channel = undefined
    },
  }
}

/** Reads the changes of other tabs. If the store is not available, this tab stays as it is. */
export async function readAgain(context: Context): Promise<void> {
  const known = confirmedAt(context)
  try {
    await context.read()
  } catch {
    return
  }
  const confirmed = confirmedAt(context)
  // Another tab has reached the account server since, so an earlier error of the session is over. Not a later time: the
  // clock may have been set back.
  if (confirmed !== 0 && confirmed !== known) context.dispatch({ type: 'tokenAccepted' })
}

/** Returns the time at which the server last confirmed the current account; 0 without one. */
function confirmedAt(context: Context): number {
  return currentAccount(context.keyring())?.verifiedAt ?? 0
}
