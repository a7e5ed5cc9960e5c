import type { Server } from 'node:http'
import type { Auth } from 'latchkey'
import { type SessionResolver, owns } from 'latchkey/server'
import { type OwnerStore, connectSession, createWriteMarker, ownedTransport, requireWriter } from 'latchkey/session'
import { createUpgradeHandler, socketSessionOf } from 'latchkey/ws'
import type { MergeableStore } from 'tinybase'
import { type WsSynchronizer, createWsSynchronizer } from 'tinybase/synchronizers/synchronizer-ws-client'
import { createWsServer } from 'tinybase/synchronizers/synchronizer-ws-server'
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws'

/** What this device stores. */
export interface StoredNotes {
  store(): MergeableStore
  /** Deletes what is stored, and makes `store` return another one: deletions in this one would sync too. */
  clear(): Promise<void>
  /** In the same storage. */
  readonly owner: Pick<OwnerStore, 'read' | 'write'>
}

export function connectNotes(auth: Auth, url: string, notes: StoredNotes) {
  const markWritten = createWriteMarker(auth)
  let synchronizer: WsSynchronizer<WebSocket> | undefined
  let socket: WebSocket | undefined

  async function leave(): Promise<void> {
    socket?.close()
    const left = synchronizer
    socket = synchronizer = undefined
    await left?.destroy()
  }
  const transport = ownedTransport(
    auth,
    {
      keeps: 'data',
      async connect(token, connection) {
        await leave()
        const mine = (socket = new WebSocket(`${url}/${connection.principal}`))
        mine.onclose = ({ code, reason }) =>
          code === 4401 ? connection.rejected(reason as 'expired') : connection.lost()
        // In a message, never in the URL. TinyBase may talk once the server has answered.
        mine.onopen = () => mine.send(token)
        await new Promise((resolve) => (mine.onmessage = resolve))
        mine.onmessage = null
        if (mine !== socket) return
        const made = await createWsSynchronizer(notes.store(), mine)
        if (mine !== socket) return void (await made.destroy())
        synchronizer = made
        await made.startSync()
        connection.accepted()
      },
      // Without `update`, the session connects anew with each token.
      disconnect: leave,
      clear: notes.clear,
    },
    notes.owner,
  )
  return {
    session: connectSession(auth, transport, { beforeRestart: (_, session) => session.clear() }),
    write(change: (store: MergeableStore) => void): void {
      requireWriter(auth, { resource: 'notes', operation: 'update' })
      change(notes.store())
      markWritten()
    },
  }
}

/** The server: one store for each principal, which is the path. */
export function serveNotes(server: Server, resolver: SessionResolver): void {
  const incoming = new WebSocketServer({ noServer: true })
  const synced = new WebSocketServer({ noServer: true })
  createWsServer(synced)
  server.on('upgrade', createUpgradeHandler(incoming, resolver, { optional: true }))
  incoming.on('connection', (socket: ServerSocket, request) => {
    const session = socketSessionOf(socket)
    async function admit(token: string): Promise<void> {
      // A refused token has closed the socket.
      if ((await session.refresh(token)) === 'refused') return
      if (!owns(session.current, request.url!.slice(1))) return socket.close(1013)
      synced.emit('connection', socket, request)
      socket.send('accepted')
    }
    socket.once('message', (data) => void admit(String(data)).catch(() => socket.close(1011)))
  })
}
