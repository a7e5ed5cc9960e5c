import { currentAccount } from '../../keystore/entries.ts'
import type { Context } from './context.ts'

/**
 * Connects the tabs of one app. A message only says that the record changed; every tab reads it again, a frozen one
 * when it wakes: it still hears, but a read that it began would not end before, and hold up everybody else's writes.
 *
 * @param signal - ends the watch over being frozen
 * @returns how to tell the others, and how to leave
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
      // A closed channel throws at whoever speaks; the page may well go on acting.
      channel = undefined
    },
  }
}

/** Takes over what other tabs did. Where the store is out of reach this tab stays what it was. */
export async function readAgain(context: Context): Promise<void> {
  const known = confirmedAt(context)
  try {
    await context.read()
  } catch {
    return
  }
  // Another tab heard from the account server since: what was wrong with the session here is over too.
  if (confirmedAt(context) > known) context.dispatch({ type: 'tokenAccepted' })
}

/** When the server last confirmed the current account; 0 without one. */
function confirmedAt(context: Context): number {
  return currentAccount(context.keyring())?.verifiedAt ?? 0
}
