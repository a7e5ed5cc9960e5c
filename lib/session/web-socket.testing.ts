import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { LatchkeyError } from '../errors.ts'
import type { ServerSession, SessionResolver } from '../server.ts'
import type { SessionConnection, SessionTransport } from './transport.ts'

/** Close code for a refused token; the reason is the error name of `latchkey/server`. */
const REFUSED = 4401

/** A message from the client: first a token; then new tokens, and text that the server records with its principal. */
type Message = { readonly token: string } | { readonly say: string }

/** A WebSocket server on 127.0.0.1 that accepts authenticated sockets. */
export interface SocketServer {
  readonly url: string
  /** The received texts, each with its principal. */
  readonly said: [principal: string, text: string][]
  /** The principals of the open sockets. */
  connected(): (string | null)[]
  /** Closes the sockets whose token has expired. */
  expire(): void
  /** Breaks all connections without a close frame, as a network failure does. */
  cut(): void
  close(): Promise<void>
}

interface Peer {
  readonly socket: WebSocket
  session: ServerSession | null
}

/**
 * Starts a server that authenticates each token with `resolver`.
 *
 * @param clock - returns milliseconds since 1970
 */
export async function startSocketServer(resolver: SessionResolver, clock: () => number): Promise<SocketServer> {
  const http = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  const peers = new Set<Peer>()
  const said: SocketServer['said'] = []
  const raw = new Set<Duplex>()
  http.on('upgrade', (request, duplex, head) => {
    raw.add(duplex)
    duplex.on('close', () => raw.delete(duplex))
    sockets.handleUpgrade(request, duplex, head, (socket) => greet({ socket, session: null }))
  })

  function greet(peer: Peer): void {
    peers.add(peer)
    peer.socket.on('close', () => peers.delete(peer))
    peer.socket.on('message', (data) => void hear(peer, JSON.parse(String(data)) as Message))
  }
  async function hear(peer: Peer, message: Message): Promise<void> {
    if ('token' in message) return identify(peer, message.token)
    const { principal } = peer.session ?? {}
    if (!principal || isOver(peer)) return peer.socket.close(REFUSED, principal ? 'expired' : 'missing')
    said.push([principal, message.say])
  }
  async function identify(peer: Peer, token: string): Promise<void> {
    const answer = await resolver.resolve({ headers: new Headers({ authorization: `Bearer ${token}` }) })
    // Keys that cannot be fetched now say nothing about the token.
    if (!answer.ok)
      return answer.error === 'unavailable' ? peer.socket.close(1013) : peer.socket.close(REFUSED, answer.error)
    if (peer.session && peer.session.principal !== answer.session.principal)
      return peer.socket.close(REFUSED, 'invalid')
    peer.session = answer.session
    peer.socket.send(JSON.stringify({ welcome: answer.session.principal }))
  }
  const isOver = ({ session }: Peer): boolean => Number(session?.claims['exp']) * 1000 <= clock()

  await listen(http)
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    said,
    connected: () => [...peers].map(({ session }) => session?.principal ?? null),
    expire: () => [...peers].filter(isOver).forEach(({ socket }) => socket.close(REFUSED, 'expired')),
    cut: () => raw.forEach((duplex) => duplex.destroy()),
    close: () => stop(http, raw),
  }
}

/** A minimal transport for this server on the browser's WebSocket. */
export function webSocketTransport(url: string): SessionTransport & { say(text: string): void } {
  let socket: WebSocket | undefined
  let waiting: { resolve(): void; reject(error: unknown): void } | undefined

  return {
    keeps: 'nothing',
    connect(token, connection) {
      const mine = new WebSocket(url)
      socket = mine
      // In a message, never in the URL: URLs end up in logs.
      mine.onopen = () => mine.send(JSON.stringify({ token }))
      mine.onmessage = () => {
        connection.accepted()
        waiting?.resolve()
        waiting = undefined
      }
      mine.onerror = () => {}
      mine.onclose = ({ code, reason }) => {
        if (code === REFUSED) connection.rejected(reason as Parameters<SessionConnection['rejected']>[0])
        else connection.lost()
        waiting?.reject(new LatchkeyError('OFFLINE'))
        waiting = undefined
      }
    },
    update: (token) =>
      new Promise<void>((resolve, reject) => {
        waiting = { resolve, reject }
        socket?.send(JSON.stringify({ token }))
      }),
    disconnect() {
      socket?.close()
      socket = undefined
    },
    say: (text) => socket?.send(JSON.stringify({ say: text })),
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => void server.listen(0, '127.0.0.1', resolve))
}

function stop(server: Server, raw: ReadonlySet<Duplex>): Promise<void> {
  for (const duplex of raw) duplex.destroy()
  return new Promise((resolve, reject) => void server.close((error) => (error ? reject(error) : resolve())))
}
