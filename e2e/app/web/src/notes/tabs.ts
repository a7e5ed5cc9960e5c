/** Notifies the other tabs of changes. */
export function connectNotes(onChanged: () => void): () => void {
  const channel = new BroadcastChannel('latchkey-notes')
  channel.onmessage = onChanged
  return () => channel.postMessage('changed')
}

/** Runs `work` while no tab exchanges notes with the server. */
export function whileNobodySyncs<Value>(work: () => Promise<Value>): Promise<Value> {
  return navigator.locks.request('latchkey-notes:sync', work)
}
