/** Notifies the other tabs of changes. */
export function connectNotes(onChanged: () => void): () => void {
  const channel = new BroadcastChannel('latchkey-notes')
  channel.onmessage = onChanged
  return () => channel.postMessage('changed')
}
