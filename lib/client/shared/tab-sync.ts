import type { Runtime } from './context.ts'

/**
 * Connects the tabs of one app. A message only says that the record changed; every tab reads it again, a frozen one
 * when it wakes: it still hears, but a read that it began would not end before, and hold up everybody else's writes.
 *
 * @param signal - ends the watch over being frozen
 * @returns how to tell the others, and how to leave
 */
export function connectTabs(runtime: Runtime, signal: AbortSignal): { announce(): void; leave(): void } {
  const { channel: name } = runtime.store
  let channel = name && typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : undefined
  let isFrozen = false
  globalThis.document?.addEventListener?.('freeze', () => (isFrozen = true), { signal })
  globalThis.document?.addEventListener?.('resume', () => (isFrozen = false), { signal })
  if (channel) channel.onmessage = () => void (isFrozen || readAgain(runtime))
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
export async function readAgain(runtime: Runtime): Promise<void> {
  const known = confirmedAt(runtime)
  try {
    await runtime.read()
  } catch {
    return
  }
  // Another tab heard from the account server since: what was wrong with the session here is over too.
  if (confirmedAt(runtime) > known) runtime.dispatch({ type: 'tokenAccepted' })
}

/** When the server last confirmed the account in force; 0 where none is. */
function confirmedAt(runtime: Runtime): number {
  const entry = runtime.core.currentEntry(runtime.ring())
  return entry?.kind === 'account' ? entry.verifiedAt : 0
}
