import { LatchkeyError } from '../../lib/index.ts'
import type { SessionLink, SessionSink, SessionTimer } from '../../lib/session.ts'
import type { TriplitClientLike, TriplitMessage, TriplitStatus } from './client.ts'
import type { Owner } from './owner.ts'
import { type Socket, createSocket } from './socket.ts'
import { haveSameClaims, renew } from './token.ts'

/** What a session needs of a Triplit client. */
export type TriplitSink = Required<SessionSink>

interface Connection {
  readonly link: SessionLink
  token: string
  /** The server's name for it, once it took the token. */
  clientId: string | null
  /** Resolves with the server's answer to the token of this connection. */
  readonly opened: Promise<void>
  answer(error?: LatchkeyError): void
}

/**
 * Makes the sink that drives a Triplit client. Latchkey alone decides when it connects, so that what the client's own timers do means nothing.
 */
export function createSink(client: TriplitClientLike, owner: Owner, timer: SessionTimer): TriplitSink {
  const socket = createSocket(client, timer)
  let current: Connection | null = null
  let turn = 0

  const leave = (): void => {
    current = null
    socket.block()
  }
  const open = async (token: string, link: SessionLink, mine: number): Promise<Connection> => {
    if (current) leave()
    const next = newConnection(link, token)
    await socket.open(token, () => mine === turn && ((current = next), true))
    return next
  }
  const update = async (token: string): Promise<void> => {
    const [before, mine] = [current, turn]
    if (!before) throw new LatchkeyError('OFFLINE', 'not connected')
    if (haveSameClaims(before.token, token) && (await replace(client, before, token))) return
    if (mine !== turn || current !== before) throw new LatchkeyError('OFFLINE', 'not connected')
    await (
      await open(token, before.link, mine)
    ).opened
  }

  hear(client, socket, () => current, leave)
  return {
    async connect(token, link) {
      const mine = ++turn
      await owner.admit(link.principal)
      if (mine === turn) await open(token, link, mine)
    },
    update,
    async hold(token) {
      const mine = ++turn
      await client.ready
      if (mine !== turn) return
      socket.block()
      await client.startSession(token, false)
    },
    disconnect(reason) {
      turn++
      leave()
      if (reason === 'ended') socket.strip()
    },
    async clear() {
      await socket.settled()
      await client.ready
      await client.clear()
      await owner.claim()
    },
  }
}

function newConnection(link: SessionLink, token: string): Connection {
  let answer: Connection['answer'] = () => {}
  const opened = new Promise<void>((resolve, reject) => {
    answer = (error) => (error ? reject(error) : resolve())
  })
  // Whoever does not wait for it hears of it through the link.
  opened.catch(() => {})
  return { link, token, clientId: null, opened, answer }
}

/** @returns whether the open connection goes on with this token */
async function replace(client: TriplitClientLike, connection: Connection, token: string): Promise<boolean> {
  const { clientId } = connection
  const { serverUrl } = client
  if (clientId === null || serverUrl === undefined || !(await renew(serverUrl, clientId, token))) return false
  // It refuses what looks expired by this device's clock, which may be wrong.
  const isKept = await client.updateSessionToken(token).then(
    () => true,
    () => false,
  )
  if (isKept) connection.token = token
  return isKept
}

/** Hears what becomes of the client's connection. */
function hear(client: TriplitClientLike, socket: Socket, current: () => Connection | null, leave: () => void): void {
  const onStatus = (status: TriplitStatus): void => {
    if (status === 'CONNECTING' || status === 'OPEN') return socket.see(true)
    if (status === 'CLOSING') return
    const lost = current()
    socket.see(false)
    if (!lost || status === 'UNINITIALIZED') return
    leave()
    lost.answer(new LatchkeyError('OFFLINE', 'the connection broke'))
    lost.link.lost()
  }
  const onMessage = ({ type, payload }: TriplitMessage): void => {
    const connection = current()
    if (type !== 'READY' || !connection) return
    // An open socket says nothing: the server reads the token afterwards, and this is its first word to somebody whom it knows.
    connection.clientId = (payload as { clientId: string }).clientId
    connection.answer()
    connection.link.accepted()
  }
  client.onConnectionStatusChange(onStatus)
  client.onSyncMessageReceived(onMessage)
  client.onSessionError((kind) => {
    const refused = current()
    refused?.answer(new LatchkeyError('SESSION_TOKEN_REFUSED'))
    refused?.link.rejected(kind)
  })
}
