import { confirmSession } from './account/revalidate.ts'
import { harden } from './device/harden.ts'
import { exclusively } from './shared/lock.ts'
import { deliverOutbox } from './account/outbox.ts'
import { lookOutside } from './account/session-check.ts'
import { readPersistence } from './device/persistence.ts'
import { reportToApp } from './shared/app-callbacks.ts'
import type { Runtime } from './shared/context.ts'
import { connectTabs, readAgain } from './shared/tab-sync.ts'

/**
 * Connects the identity, once it stands, with what goes on around it: other tabs, the network, the account server.
 *
 * @param isFirst - there was no record when this page started
 * @returns a function that lets go of it all
 */
export async function attach(runtime: Runtime, isFirst: boolean): Promise<() => void> {
  const heard = new AbortController()
  const { announce, leave } = connectTabs(runtime, heard.signal)
  const settle = (): void => {
    if (runtime.ring().entries.length > 0) runtime.store.trace?.leave()
    announce()
    void hardenAll(runtime, announce)
  }
  runtime.on('announce', settle)
  runtime.on(
    'deliverOutbox',
    () => void inBackground(runtime, () => exclusively(runtime, () => deliverOutbox(runtime))),
  )
  reportToApp(runtime)
  listen(runtime, heard.signal)
  // Before its redirect an upgrade has no time to say that it waits.
  globalThis.addEventListener?.('pagehide', announce, { signal: heard.signal })
  readPersistence(runtime)
  await readAgain(runtime)
  // The identity may be newer than this connection.
  settle()
  runtime.dispatch({ type: 'networkFound' })
  askServer(runtime, isFirst)
  return () => {
    heard.abort()
    leave()
  }
}

/** A page that was frozen or put aside has missed what others said meanwhile. */
function listen(runtime: Runtime, signal: AbortSignal): void {
  const on = (target: EventTarget | undefined, type: string, heard: () => void): void =>
    target?.addEventListener?.(type, heard, { signal })
  on(globalThis, 'online', () => {
    runtime.dispatch({ type: 'networkFound' })
    askServer(runtime)
  })
  on(globalThis, 'offline', () => runtime.dispatch({ type: 'networkLost' }))
  on(globalThis, 'pageshow', () => void readAgain(runtime))
  on(globalThis.document, 'resume', () => void readAgain(runtime))
  // Not on the way out: a read that a freeze interrupts would hold up everybody else's writes.
  on(globalThis.document, 'visibilitychange', () => void (document.visibilityState === 'visible' && wake(runtime)))
}

async function wake(runtime: Runtime): Promise<void> {
  await readAgain(runtime)
  // The mail was read somewhere else, and its link may have been followed there.
  if (runtime.getState().phase === 'pending') askServer(runtime)
}

/** What the account server says about the session there. */
function askServer(runtime: Runtime, isFirst = false): void {
  void inBackground(runtime, () => confirmSession(runtime))
  void inBackground(runtime, () => lookOutside(runtime, isFirst))
}

async function hardenAll(runtime: Runtime, announce: () => void): Promise<void> {
  while (await harden(runtime)) announce()
}

/** Unreachable is not rejected: what fails here is tried again when the network is back. */
async function inBackground(runtime: Runtime, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch {
    runtime.dispatch({ type: 'networkLost' })
  }
}
