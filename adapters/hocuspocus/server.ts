import { type ServerSession, type SessionResolver, owns } from '../../lib/server.ts'
import {
  type OptionNames,
  type SocketSession,
  type SocketSessionOptions,
  checkOptionNames,
  createSocketSession,
} from '../../lib/server-kit.ts'
import { FORBIDDEN, TOKEN_ACCEPTED, TOKEN_UNCHECKED, ownerOf } from './protocol.ts'

/** What a session may do with a document; null is nothing. */
export type DocumentAccess = 'read-write' | 'readonly' | null

/** A request for a document. */
export interface DocumentRequest {
  readonly documentName: string
  readonly session: ServerSession
}

/** Options of {@link hocuspocusAuth}. */
export interface HocuspocusAuthOptions extends Pick<SocketSessionOptions, 'roles' | 'longest' | 'clock' | 'timer'> {
  /**
   * Decides about a document, at its opening and with each new token. Defaults to `read-write` for the owner in its
   * name (`notes:PRINCIPAL`), aliases included, and null for all others. Any other answer counts as null.
   */
  readonly authorize?: (request: DocumentRequest) => DocumentAccess | Promise<DocumentAccess>
  /** Receives errors of your lookups and of `authorize`. Defaults to `console.error`. It must not throw. */
  readonly onError?: (error: unknown) => void
}

const OPTIONS: OptionNames<HocuspocusAuthOptions> = {
  authorize: true,
  onError: true,
  roles: true,
  longest: true,
  clock: true,
  timer: true,
}

/** The context that the hooks of the server get. */
export interface HocuspocusContext {
  /** The current session. */
  session: ServerSession
}

/** The part of a server's connection to one document that is used. */
export interface HocuspocusConnection {
  readOnly: boolean
  /** The context of later hooks. */
  context: HocuspocusContext
  /** Closes the document, and leaves the socket open. */
  close(event?: { code: number; reason: string }): void
  /** Calls `listener` when the document or the socket is closed. */
  onClose(listener: () => void): unknown
  /** Sends a message that does not change the document. */
  sendStateless(payload: string): void
}

/** The payload of the hooks of an open document. */
export interface HocuspocusPayload {
  readonly documentName: string
  readonly connection: HocuspocusConnection
  readonly context: HocuspocusContext
}

/** An extension for `new Server({ extensions: [...] })`. */
export interface HocuspocusAuth {
  /** Above the default: other extensions see only documents that are open to the session. */
  readonly priority: number
  readonly extensionName: string
  /** Opens a document for a token, or refuses it with a reason for the client. */
  onAuthenticate(payload: {
    readonly token: string
    readonly documentName: string
    readonly connectionConfig: { readOnly: boolean }
  }): Promise<HocuspocusContext>
  /** Starts to watch the expiry. */
  connected(payload: HocuspocusPayload): Promise<void>
  /** Refuses messages after the token has expired. */
  beforeHandleMessage(payload: HocuspocusPayload): Promise<void>
  /** Replaces the token of an open document, or closes it. */
  onTokenSync(payload: HocuspocusPayload & { readonly token: string }): Promise<void>
}

/**
 * Creates an extension of a Hocuspocus server that authenticates each document with a resolver. `context.session` is
 * the session in every hook. A document is closed when its token expires, and when a new token is refused, belongs to
 * another principal or has other roles.
 *
 * @param resolver - made by `createSessionResolver`
 * @throws {TypeError} an option is unknown or invalid
 */
export function hocuspocusAuth(resolver: SessionResolver, options: HocuspocusAuthOptions = {}): HocuspocusAuth {
  checkOptionNames('', options, OPTIONS)
  const { authorize = ownsDocument, onError = console.error } = options
  const sockets = new WeakMap<HocuspocusConnection, SocketSession>()
  const refused = new WeakSet<HocuspocusConnection>()
  /** What the last token allows. */
  const granted = new WeakMap<HocuspocusConnection, DocumentAccess>()
  const open = (
    session: ServerSession,
    close: (code: number, reason: string) => void,
    check?: SocketSessionOptions['check'],
  ): SocketSession =>
    createSocketSession(resolver, session, { close }, { ...options, onError, ...(check && { check }) })
  checkOptions(authorize, open)

  async function resolve(token: string): Promise<ServerSession | string> {
    const header = resolver.tokenHeader ?? 'authorization'
    const found = await resolver.resolve({ headers: token ? { [header]: `Bearer ${token}` } : {} })
    return found.ok ? found.session : found.error
  }
  function close(connection: HocuspocusConnection, code: number, reason: string): void {
    refused.add(connection)
    connection.close({ code, reason })
  }
  /** Messages may arrive before `connected`. */
  function socketOf({ connection, context, documentName }: HocuspocusPayload): SocketSession {
    const known = sockets.get(connection)
    if (known) return known
    // Before the session counts: until then the document is closed when the token before expires.
    const check = async (next: ServerSession): Promise<void> => {
      const access = await judge(next, documentName)
      if (access === null) return close(connection, FORBIDDEN_CODE, FORBIDDEN)
      granted.set(connection, access)
    }
    const socket = open(context.session, (code, reason) => close(connection, code, reason), check)
    sockets.set(connection, socket)
    connection.onClose(() => socket.end())
    return socket
  }
  async function judge(session: ServerSession, documentName: string): Promise<DocumentAccess> {
    const access = await authorize({ documentName, session })
    // Code without types may answer `false`.
    return access === 'read-write' || access === 'readonly' ? access : null
  }

  return {
    priority: 1000,
    extensionName: 'latchkey',
    async onAuthenticate({ token, documentName, connectionConfig }) {
      const unchecked = (error: unknown): never => (onError(error), refuse('unavailable'))
      const session = await resolve(token).catch(unchecked)
      if (typeof session === 'string') return refuse(session)
      const access = await judge(session, documentName).catch(unchecked)
      if (access === null) return refuse(session.principal === null ? 'missing' : FORBIDDEN)
      connectionConfig.readOnly = access === 'readonly'
      return { session }
    },
    async connected(payload) {
      socketOf(payload)
    },
    async beforeHandleMessage(payload) {
      // A timer can be late: this checks the clock, and closes.
      void socketOf(payload).current
      // Messages that wait behind the refused token are handled after the close.
      if (refused.has(payload.connection)) refuse('expired')
    },
    async onTokenSync(payload) {
      const { connection, context, token } = payload
      const socket = socketOf(payload)
      const outcome = await socket.refresh(token)
      if (outcome === 'refused') return
      if (outcome !== 'accepted') return connection.sendStateless(TOKEN_UNCHECKED)
      connection.readOnly = granted.get(connection) !== 'read-write'
      // What this hook returns does not reach the connection.
      connection.context.session = context.session = socket.current
      connection.sendStateless(TOKEN_ACCEPTED)
    },
  }
}

const REFUSED_CODE = 4401
const FORBIDDEN_CODE = 4403

function ownsDocument({ documentName, session }: DocumentRequest): DocumentAccess {
  return owns(session, ownerOf(documentName)) ? 'read-write' : null
}

/** Hocuspocus sends `reason` to the client. */
function refuse(reason: string): never {
  throw Object.assign(new Error(reason), { code: REFUSED_CODE, reason })
}

/** Reports invalid options at construction instead of at the first document. */
function checkOptions(authorize: unknown, open: (session: ServerSession, close: () => void) => SocketSession): void {
  if (typeof authorize !== 'function') throw new TypeError('authorize: expected a function')
  open({ authMode: 'anonymous', principal: null, principals: [], claims: {} }, () => {}).end()
}
