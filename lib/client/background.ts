import { harden } from './device/harden.ts'
import { attendServer } from './account/attend-server.ts'
import { followApp } from './account/follow-app.ts'
import { prepareSpareToken } from './tokens/spare-token.ts'
import { readPersistence } from './device/persistence.ts'
import { connectAppCallbacks } from './shared/app-callbacks.ts'
import type { Context } from './shared/context.ts'
import { connectTabs, readAgain } from './shared/tab-sync.ts'

/**
 * Connects the opened identity with its surroundings: other tabs, the network, the account server.
 *
 * @param isFirst - true if there was no record when this page started
 * @returns a function that stops all of it
 */
export async function startBackground(context: Context, isFirst: boolean): Promise<() => void> {
  const heard = new AbortController()
  const { announce, leave } = connectTabs(context, heard.signal)
  const settle = (): void => {
    if (context.keyring()?.entries.length) context.store.trace?.leave()
    announce()
    void hardenAll(context, announce)
    void prepareSpareToken(context)
  }
  context.on('announce', settle)
  const { ask, deliver } = attendServer(context, heard.signal)
  context.on('deliverOutbox', deliver)
  connectAppCallbacks(context)
  listen(context, ask, heard.signal)
  followApp(context, ask, heard.signal)
  // A redirect leaves an upgrade no time to announce itself.
  globalThis.addEventListener?.('pagehide', announce, { signal: heard.signal })
  readPersistence(context)
  await readAgain(context)
  // The identity may have changed before this connection.
  settle()
  context.dispatch({ type: 'networkFound' })
  ask(isFirst)
  return () => {
    heard.abort()
    leave()
  }
}

/** A page that was frozen or in the back-forward cache has missed messages. */
function listen(context: Context, ask: () => void, signal: AbortSignal): void {
  const on = (target: EventTarget | undefined, type: string, heard: () => void): void =>
    target?.addEventListener?.(type, heard, { signal })
  on(globalThis, 'online', () => {
    context.dispatch({ type: 'networkFound' })
    ask()
  })
  on(globalThis, 'offline', () => context.dispatch({ type: 'networkLost' }))
  on(globalThis, 'pageshow', () => void readAgain(context))
  on(globalThis.document, 'resume', () => void readAgain(context))
  // Not while the page is being hidden: a read that a freeze interrupts would block all other writers.
  on(globalThis.document, 'visibilitychange', () => void (document.visibilityState === 'visible' && wake(context, ask)))
}

async function wake(context: Context, ask: () => void): Promise<void> {
  await readAgain(context)
  // The mail may have been opened elsewhere, and its link followed there.
  if (context.getState().phase === 'pending') ask()
}

async function hardenAll(context: Context, announce: () => void): Promise<void> {
  while (await harden(context)) announce()
}
