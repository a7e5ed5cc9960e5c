/** Tells the other tabs that there is something to read again. */
export function connectNotes(onChanged: () => void): () => void {
  const channel = new BroadcastChannel('latchkey-notes')
  channel.onmessage = onChanged
  return () => channel.postMessage('changed')
}
