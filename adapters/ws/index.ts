import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type SessionResolver, sendResponse } from '../../lib/server.ts'
import {
  type AuthenticateOptions,
  type OptionNames,
  type SocketSession,
  type SocketSessionOptions,
  checkOptionNames,
  createAuthenticator,
  createSocketSession,
} from '../../lib/server-kit.ts'

/** Options of {@link createUpgradeHandler}. */
export interface UpgradeOptions extends AuthenticateOptions, Omit<SocketSessionOptions, 'source' | 'check'> {}

const OPTIONS: OptionNames<UpgradeOptions> = {
  optional: true,
  onError: true,
  roles: true,
  longest: true,
  clock: true,
  timer: true,
}

/** The part of a server of `ws`, 7 or 8, that is used; also one made by a subclass. */
export interface UpgradeServer {
  /** Completes the WebSocket handshake and calls `done` with the socket. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, done: (socket: UpgradedSocket) => void): void
  /** Emits `connection`. Returns true if there was a listener. */
  emit(event: 'connection', socket: UpgradedSocket, request: IncomingMessage): boolean
}

/** The part of a socket of `ws` that is used. */
export interface UpgradedSocket {
  /** Closes the socket with a code (RFC 6455 §7.4) and a reason of at most 123 bytes. */
  close(code?: number, reason?: string): void
  /** Calls `listener` when the socket is closed. */
  once(event: 'close', listener: () => void): unknown
  /** Calls `listener` when the client breaks the protocol (RFC 6455 §7.1.7), or sends too much; the socket closes. */
  on(event: 'error', listener: () => void): unknown
}

/** The listener for Node's `upgrade` event. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const sessions = new WeakMap<object, SocketSession>()

/**
 * Creates a listener for a server's `upgrade` event. With a valid credential, `sockets` emits `connection` as usual;
 * otherwise it responds without an upgrade. {@link socketSessionOf} returns the session of the socket, which is closed
 * with 4401 and `expired` when its token expires.
 *
 * @param sockets - created with `noServer: true`
 * @throws {TypeError} an option is unknown or invalid
 */
export function createUpgradeHandler(
  sockets: UpgradeServer,
  resolver: SessionResolver,
  options: UpgradeOptions = {},
): UpgradeHandler {
  checkOptionNames('', options, OPTIONS)
  const authenticateRequest = createAuthenticator(resolver, options)
  checkOptions(resolver, options)
  const { onError = console.error } = options
  async function upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): Promise<void> {
    const admission = await authenticateRequest(request)
    if (duplex.destroyed) return
    if (!admission.ok) return refuse(request, duplex, admission.response)
    duplex.off('error', ignore)
    sockets.handleUpgrade(request, duplex, head, (socket) => {
      // `ws` closes the socket by itself; without a listener, one bad frame would end the process.
      socket.on('error', ignore)
      const session = createSocketSession(resolver, admission.session, socket, { ...options, source: admission.source })
      sessions.set(socket, session)
      socket.once('close', () => session.end())
      sockets.emit('connection', socket, request)
    })
  }
  return (request, duplex, head) => {
    // Until `ws` takes over, the socket has no error listener, and an unhandled error ends the process.
    duplex.on('error', ignore)
    upgrade(request, duplex, head).catch((error: unknown) => {
      onError(error)
      duplex.destroy()
    })
  }
}

/**
 * Returns the session of a socket.
 *
 * @throws {TypeError} the socket did not come from {@link createUpgradeHandler}
 */
export function socketSessionOf(socket: object): SocketSession {
  const session = sessions.get(socket)
  if (!session) throw new TypeError('socketSessionOf: the socket did not come from createUpgradeHandler')
  return session
}

/** Reports invalid options at construction instead of at the first socket. */
function checkOptions(resolver: SessionResolver, options: UpgradeOptions): void {
  createSocketSession(
    resolver,
    { authMode: 'anonymous', principal: null, principals: [], claims: {} },
    { close: ignore },
    options,
  ).end()
}

async function refuse(request: IncomingMessage, duplex: Duplex, refusal: Response): Promise<void> {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(duplex as Socket)
  // A client that never closes its half would keep the connection open forever.
  response.once('finish', () => duplex.once('finish', () => duplex.destroy()).end())
  await sendResponse(response, refusal)
}

function ignore(): void {}
