import { confirmSession } from './confirm-session.ts'
import { deliverOutbox } from './outbox.ts'
import type { Runtime } from './runtime.ts'

/**
 * Connects the identity, once it stands, with what goes on around it: other tabs, the network, the account server.
 *
 * @returns a function that lets go of it all
 */
export async function attach(runtime: Runtime): Promise<() => void> {
  const heard = new AbortController()
  const { signal } = heard
  globalThis.addEventListener?.('online', () => runtime.dispatch({ type: 'networkFound' }), { signal })
  globalThis.addEventListener?.('offline', () => runtime.dispatch({ type: 'networkLost' }), { signal })
  const leave = connectTabs(runtime)
  runtime.on('deliverOutbox', () => void inBackground(runtime, () => runtime.exclusively(() => deliverOutbox(runtime))))
  await readAgain(runtime)
  runtime.dispatch({ type: 'networkFound' })
  void inBackground(runtime, () => confirmSession(runtime))
  return () => {
    heard.abort()
    leave()
  }
}

/** A message only says that the record changed; every tab reads it again. */
function connectTabs(runtime: Runtime): () => void {
  const { channel: name } = runtime.store
  const channel = name && typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : undefined
  const announce = (): void => channel?.postMessage('changed')
  if (channel) channel.onmessage = () => void readAgain(runtime)
  runtime.on('announce', announce)
  // The identity may be newer than this connection.
  announce()
  return () => channel?.close()
}

async function readAgain(runtime: Runtime): Promise<void> {
  const known = confirmedAt(runtime)
  try {
    await runtime.read()
    runtime.dispatch({ type: 'recordChanged', view: runtime.view() })
    // Another tab heard from the account server since: what was wrong with the session here is over too.
    if (confirmedAt(runtime) > known) runtime.dispatch({ type: 'tokenAccepted' })
  } catch {
    // The store is out of reach for now: this tab stays what it was.
  }
}

/** When the server last confirmed the account in force; 0 where none is. */
function confirmedAt(runtime: Runtime): number {
  const entry = runtime.currentOf(runtime.ring())
  return entry?.kind === 'account' ? entry.verifiedAt : 0
}

/** Unreachable is not rejected: what fails here is tried again when the network is back. */
async function inBackground(runtime: Runtime, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch {
    runtime.dispatch({ type: 'networkLost' })
  }
}
