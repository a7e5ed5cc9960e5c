import { revalidate } from './account/revalidate.ts'
import { harden } from './device/harden.ts'
import { exclusively } from './shared/lock.ts'
import { deliverOutbox } from './account/outbox.ts'
import { checkSession } from './account/session-check.ts'
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
  }
  context.on('announce', settle)
  context.on(
    'deliverOutbox',
    () => void inBackground(context, () => exclusively(context, () => deliverOutbox(context))),
  )
  connectAppCallbacks(context)
  listen(context, heard.signal)
  // A redirect leaves an upgrade no time to announce itself.
  globalThis.addEventListener?.('pagehide', announce, { signal: heard.signal })
  readPersistence(context)
  await readAgain(context)
  // The identity may have changed before this connection.
  settle()
  context.dispatch({ type: 'networkFound' })
  askServer(context, isFirst)
  return () => {
    heard.abort()
    leave()
  }
}

/** A page that was frozen or in the back-forward cache has missed messages. */
function listen(context: Context, signal: AbortSignal): void {
  const on = (target: EventTarget | undefined, type: string, heard: () => void): void =>
    target?.addEventListener?.(type, heard, { signal })
  on(globalThis, 'online', () => {
    context.dispatch({ type: 'networkFound' })
    askServer(context)
  })
  on(globalThis, 'offline', () => context.dispatch({ type: 'networkLost' }))
  on(globalThis, 'pageshow', () => void readAgain(context))
  on(globalThis.document, 'resume', () => void readAgain(context))
  // Not while the page is being hidden: a read that a freeze interrupts would block all other writers.
  on(globalThis.document, 'visibilitychange', () => void (document.visibilityState === 'visible' && wake(context)))
}

async function wake(context: Context): Promise<void> {
  await readAgain(context)
  // The mail may have been opened elsewhere, and its link followed there.
  if (context.getState().phase === 'pending') askServer(context)
}

/** Checks the session at the account server. */
function askServer(context: Context, isFirst = false): void {
  void inBackground(context, () => revalidate(context))
  void inBackground(context, () => checkSession(context, isFirst))
}

async function hardenAll(context: Context, announce: () => void): Promise<void> {
  while (await harden(context)) announce()
}

/** Unreachable is not rejected: a failure is retried when the network is back. */
async function inBackground(context: Context, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch {
    context.dispatch({ type: 'networkLost' })
  }
}
