import type { Runtime } from './runtime.ts'

/** Keeps the tabs of one browser in step. A message only says that the record changed; every tab reads it again. */
export function connectTabs(runtime: Runtime): () => void {
  const { channel: name } = runtime.store
  const channel = name && typeof BroadcastChannel === 'function' ? new BroadcastChannel(name) : undefined
  if (channel) channel.onmessage = () => void readAgain(runtime)
  runtime.on('announce', () => channel?.postMessage('changed'))
  return () => channel?.close()
}

async function readAgain(runtime: Runtime): Promise<void> {
  try {
    await runtime.read()
    runtime.dispatch({ type: 'recordChanged', view: runtime.view() })
  } catch {
    // The store is out of reach for now: this tab stays what it was.
  }
}
