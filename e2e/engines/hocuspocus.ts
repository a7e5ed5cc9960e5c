// Hocuspocus with its real server, in this process, and documents that y-indexeddb stores.
import 'fake-indexeddb/auto'
import { HocuspocusProvider } from '@hocuspocus/provider'
import { Server } from '@hocuspocus/server'
import { connectHocuspocus } from 'latchkey/hocuspocus'
import { hocuspocusAuth } from 'latchkey/hocuspocus/server'
import { requireWriter } from 'latchkey/session'
import { WebSocket } from 'ws'
import { IndexeddbPersistence } from 'y-indexeddb'
import * as Y from 'yjs'
import type { Engine, Row } from './world.ts'

globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket

const textOf = (document: Y.Doc): string[] => document.getArray<string>('notes').toArray()

export const engine: Engine = {
  notApplicable: { 'one refused row': 'a document is refused as a whole' },
  async start(world) {
    const stored = new Map<string, Uint8Array>()
    const server = new Server({
      address: '127.0.0.1',
      port: 0,
      quiet: true,
      stopOnSignals: false,
      debounce: 0,
      extensions: [hocuspocusAuth(world.resolver, { clock: world.clock, onError: () => {} })],
      onStoreDocument: async ({ documentName, document }) =>
        void stored.set(documentName, Y.encodeStateAsUpdate(document)),
      onLoadDocument: async ({ documentName, document }) => {
        const found = stored.get(documentName)
        if (found) Y.applyUpdate(document, found)
      },
    })
    let isOnline = true
    server.httpServer.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      if (!isOnline) socket.destroy()
    })
    const sockets = new Set<{ destroy(): unknown }>()
    await server.listen()
    const rowsIn = (name: string, document: Y.Doc): Row[] =>
      textOf(document).map((text) => ({ owner: name.slice(name.indexOf(':') + 1), text }))
    return {
      url: `ws://127.0.0.1:${server.address.port}`,
      get online() {
        return isOnline
      },
      set online(online) {
        isOnline = online
        if (!online) sockets.forEach((socket) => socket.destroy())
      },
      async rows() {
        const found = new Map<string, Row>()
        const { documents } = server.hocuspocus
        for (const [name, bytes] of stored) {
          const document = documents.get(name) ?? new Y.Doc()
          if (!documents.has(name)) Y.applyUpdate(document, bytes)
          // The document of an alias stays at the server, unchanged: its text counts once.
          for (const row of rowsIn(name, document)) found.set(row.text, row)
        }
        for (const [name, document] of documents) for (const row of rowsIn(name, document)) found.set(row.text, row)
        return [...found.values()]
      },
      reown: async () => {},
      async close() {
        sockets.forEach((socket) => socket.destroy())
        await server.destroy()
      },
    }
  },
  async open(auth, { url }, { id }) {
    const persist = (stored: Y.Doc): IndexeddbPersistence => new IndexeddbPersistence(`notes-${id}`, stored)
    let document = new Y.Doc()
    let persistence = persist(document)
    /** None of a document that is stored for nobody. */
    const isMine = (owner: string | null): boolean => auth.getState().session?.principals.includes(owner ?? '') === true
    async function readOwner(): Promise<string | null> {
      await persistence.whenSynced
      return ((await persistence.get('owner')) as string | undefined) || null
    }
    const session = connectHocuspocus<Y.Doc>(auth, {
      document: () => document,
      name: 'notes',
      provider: (input) => new HocuspocusProvider({ url, ...input }),
      owner: { read: readOwner, write: (principal) => persistence.set('owner', principal ?? '') },
      async clear() {
        await persistence.clearData()
        document = new Y.Doc()
        persistence = persist(document)
      },
      beforeRestart: (_, session) => session.clear(),
    })
    return {
      session,
      async write(text) {
        const owner = await readOwner()
        requireWriter(auth, { resource: 'notes', operation: 'update' })
        if (owner !== null && !isMine(owner)) throw new Error("another user's document is still on this device")
        document.getArray<string>('notes').push([text])
      },
      texts: async () => (isMine(await readOwner()) ? textOf(document) : []),
      async close() {
        await session.end()
        await persistence.destroy()
      },
    }
  },
}
