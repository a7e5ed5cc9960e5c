import type { Server } from 'node:http'
import { type DocumentId, Repo } from '@automerge/automerge-repo'
import { WebSocketClientAdapter, WebSocketServerAdapter } from '@automerge/automerge-repo-network-websocket'
import type { Auth } from 'latchkey'
import { type SessionResolver, owns } from 'latchkey/server'
import { type ConnectedSession, type OwnerStore, connectSession, ownedTransport } from 'latchkey/session'
import { createUpgradeHandler, socketSessionOf } from 'latchkey/ws'
import { WebSocketServer } from 'ws'

const SYNC = 'https://sync.notes.example'

/** What this device stores. */
export interface StoredRepo {
  repo(): Repo
  /** Deletes what is stored, and makes `repo` return another one. */
  clear(): Promise<void>
  /** In the same storage. */
  readonly owner: Pick<OwnerStore, 'read' | 'write'>
}

export function connectRepo(auth: Auth, url: string, { repo, clear, owner }: StoredRepo): ConnectedSession {
  let leave = (): void => {}
  const transport = ownedTransport(
    auth,
    {
      keeps: 'data',
      // Pending until the server answers: a refused upgrade cannot be told from a lost one.
      connect(token, connection) {
        leave()
        const { networkSubsystem } = repo()
        // An adapter has one address for ever, so there is another one for each token, which does not try again itself.
        const adapter = new WebSocketClientAdapter(`${url}?token=${token}`, 2 ** 31 - 1)
        return new Promise<void>((resolve) => {
          adapter.on('peer-candidate', () => (connection.accepted(), resolve()))
          adapter.on('peer-disconnected', () => connection.lost())
          leave = () => {
            leave = () => {}
            networkSubsystem.removeNetworkAdapter(adapter)
            adapter.disconnect()
            resolve()
          }
          networkSubsystem.addNetworkAdapter(adapter)
        })
      },
      disconnect: () => leave(),
      clear,
    },
    owner,
  )
  return connectSession(auth, transport, { audience: SYNC, beforeRestart: (_, session) => session.clear() })
}

/** The server. Documents have random ids: `ownerOf` looks into a table of yours. */
export function serveRepo(
  server: Server,
  resolver: SessionResolver,
  ownerOf: (document: DocumentId) => Promise<string | null>,
): Repo {
  const sockets = new WebSocketServer({ noServer: true })
  // Its types know only the `ws` of `require`.
  const network = new WebSocketServerAdapter(sockets as never)
  const upgrade = createUpgradeHandler(sockets, resolver)
  server.on('upgrade', (request, socket, head) => {
    const token = new URL(request.url!, SYNC).searchParams.get('token')
    if (token !== null) request.headers.authorization = `Bearer ${token}`
    upgrade(request, socket, head)
  })
  return new Repo({
    network: [network],
    shareConfig: {
      announce: async () => false,
      async access(peer, document) {
        const socket = network.sockets[peer]
        return socket !== undefined && owns(socketSessionOf(socket).current, await ownerOf(document))
      },
    },
  })
}
