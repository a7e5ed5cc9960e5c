import { harden } from './device/harden.ts'
import { attendServer } from './account/attend-server.ts'
import { followApp } from './account/follow-app.ts'
import { endWaitingWithUser } from './account/session-check.ts'
import { reportEarlier } from './start-context.ts'
import { prepareSpareToken } from './tokens/spare-token.ts'
import { readPersistence } from './device/persistence.ts'
import { createRenewal } from './device/renew-backups.ts'
import { connectAppCallbacks } from './shared/app-callbacks.ts'
import type { Context } from './shared/context.ts'
import { connectTabs, readAgain } from './shared/tab-sync.ts'

/** What a platform without a window reports in its place. */
export interface PlatformEvents {
  /** The app is in front again: it may have missed changes and time. */
  wake(): void
  /** The network is back. */
  online(): void
  /** The network is gone. */
  offline(): void
}

/** Where the client runs, if it is no page. */
export interface Platform {
  /** Reports the platform's events until the returned function is called. */
  listen(events: PlatformEvents): () => void
}

/**
 * Connects the opened identity with its surroundings: other tabs, the network, the account server.
 *
 * @returns a function that stops all of it
 */
export async function startBackground(context: Context, platform?: Platform): Promise<() => void> {
  const heard = new AbortController()
  const { announce, follow, leave } = connectTabs(context, heard.signal, () => deliver())
  const settle = (): void => {
    if (context.keyring()?.entries.length) context.store.trace?.leave()
    announce()
    void hardenAll(context, announce)
    // Only a page can be left in the middle of a request, and the first signature blocks a phone for a moment.
    if (!platform) void prepareSpareToken(context)
  }
  context.on('announce', settle)
  const attendant = attendServer(context, heard.signal)
  const { ask, deliver } = attendant
  context.on('deliverOutbox', deliver)
  connectAppCallbacks(context)
  reportEarlier(context)
  const renew = createRenewal(context, settle)
  const wake = async (): Promise<void> => {
    await follow()
    // The mail may have been opened elsewhere, and its link followed there.
    if (context.getState().phase === 'pending') ask()
    // Not every platform says that the network is back.
    else attendant.hurry()
    renew()
  }
  const stop = listen(context, { ask, renew, follow, wake, signal: heard.signal }, platform)
  followApp(context, ask, heard.signal)
  const endWaiting = endWaitingWithUser(context, deliver)
  // A redirect leaves an upgrade no time to announce itself.
  globalThis.addEventListener?.('pagehide', announce, { signal: heard.signal })
  readPersistence(context)
  await readAgain(context)
  // The identity may have changed before this connection.
  settle()
  context.dispatch({ type: 'networkFound' })
  ask()
  renew()
  return () => {
    heard.abort()
    endWaiting()
    stop?.()
    leave()
  }
}

/** What the events of a page or a platform lead to. */
interface Reactions {
  ask(): void
  renew(): void
  follow(): Promise<void>
  wake(): Promise<void>
  readonly signal: AbortSignal
}

/** A page that was frozen or in the back-forward cache has missed messages. */
function listen(
  context: Context,
  { ask, renew, follow, wake, signal }: Reactions,
  platform: Platform | undefined,
): (() => void) | undefined {
  const on = (target: EventTarget | undefined, type: string, heard: () => void): void =>
    target?.addEventListener?.(type, heard, { signal })
  const events: PlatformEvents = {
    wake: () => void wake(),
    online() {
      context.dispatch({ type: 'networkFound' })
      ask()
      renew()
    },
    offline: () => context.dispatch({ type: 'networkLost' }),
  }
  on(globalThis, 'online', events.online)
  on(globalThis, 'offline', events.offline)
  on(globalThis, 'pageshow', () => void follow())
  on(globalThis.document, 'resume', () => void follow())
  // Not while the page is being hidden: a read that a freeze interrupts would block all other writers.
  on(globalThis.document, 'visibilitychange', () => void (document.visibilityState === 'visible' && events.wake()))
  return platform?.listen(events)
}

async function hardenAll(context: Context, announce: () => void): Promise<void> {
  while (await harden(context)) announce()
}
