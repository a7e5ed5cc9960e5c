import { LatchkeyError } from '../../lib/index.ts'
import type { SessionConnection, SessionTransport, SessionTimer } from '../../lib/session.ts'
import type { TriplitClientLike, TriplitMessage, TriplitStatus } from './client.ts'
import { type Socket, createSocket } from './socket.ts'
import { haveSameClaims, renew } from './token.ts'

/** The transport of a Triplit client. */
export type TriplitTransport = Required<Omit<SessionTransport, 'assign' | 'owner'>>

interface Attempt {
  readonly connection: SessionConnection
  token: string
  /** The server's id for the connection, once it accepted the token. */
  clientId: string | null
  /** The request for a new token: aborted by the next one, and when the attempt ends. */
  renewal: AbortController | undefined
  /** Resolves with the server's answer to the token of this attempt. */
  readonly opened: Promise<void>
  answer(error?: LatchkeyError): void
}

/**
 * Creates the transport that drives a Triplit client. Only Latchkey decides when it connects; the client's own timers
 * have no effect.
 *
 * @param beforeClear - called and awaited immediately before the data is deleted; rejects to keep it
 */
export function createTransport(
  client: TriplitClientLike,
  timer: SessionTimer,
  beforeClear?: () => Promise<void>,
): TriplitTransport {
  const socket = createSocket(client, timer)
  let current: Attempt | null = null
  let turn = 0

  const leave = (): void => {
    current?.renewal?.abort()
    current?.answer(new LatchkeyError('OFFLINE'))
    current = null
    socket.block()
  }
  const open = async (token: string, connection: SessionConnection, mine: number): Promise<Attempt> => {
    if (current) leave()
    const next = createAttempt(connection, token)
    await socket.open(token, () => mine === turn && ((current = next), true))
    // A disconnect came first.
    if (current !== next) next.answer(new LatchkeyError('OFFLINE'))
    return next
  }
  const update = async (token: string): Promise<void> => {
    const [before, mine] = [current, turn]
    if (!before) throw new LatchkeyError('OFFLINE', 'not connected')
    if (haveSameClaims(before.token, token) && (await replace(client, before, token))) return
    if (mine !== turn || current !== before) throw new LatchkeyError('OFFLINE', 'not connected')
    await (
      await open(token, before.connection, mine)
    ).opened
  }

  hear(client, socket, () => current, leave)
  return {
    keeps: 'data',
    async connect(token, connection) {
      const mine = ++turn
      await client.ready
      // Until the server answers, the time limit of a connection applies. The connection itself reports a refusal.
      if (mine === turn) await (await open(token, connection, mine)).opened.catch(() => {})
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
      await beforeClear?.()
      await client.clear()
    },
  }
}

function createAttempt(connection: SessionConnection, token: string): Attempt {
  let answer: Attempt['answer'] = () => {}
  const opened = new Promise<void>((resolve, reject) => {
    answer = (error) => (error ? reject(error) : resolve())
  })
  // A caller that does not wait for it is informed through the connection.
  opened.catch(() => {})
  return { connection, token, clientId: null, renewal: undefined, opened, answer }
}

/** @returns true if the open connection continues with this token */
async function replace(client: TriplitClientLike, attempt: Attempt, token: string): Promise<boolean> {
  const { clientId } = attempt
  const { serverUrl } = client
  if (clientId === null || serverUrl === undefined) return false
  attempt.renewal?.abort()
  const { signal } = (attempt.renewal = new AbortController())
  if (!(await renew(serverUrl, clientId, token, signal))) return false
  // The client refuses a token that looks expired by this device's clock, which may be wrong.
  const isKept = await client.updateSessionToken(token).then(
    () => true,
    () => false,
  )
  if (isKept) attempt.token = token
  return isKept
}

/** Reports to the session what happens to the client's connection. */
function hear(client: TriplitClientLike, socket: Socket, current: () => Attempt | null, leave: () => void): void {
  const onStatus = (status: TriplitStatus): void => {
    if (status === 'CONNECTING' || status === 'OPEN') return socket.see(true)
    if (status === 'CLOSING') return
    const lost = current()
    socket.see(false)
    if (!lost || status === 'UNINITIALIZED') return
    leave()
    lost.connection.lost()
  }
  const onMessage = ({ type, payload }: TriplitMessage): void => {
    const attempt = current()
    if (type !== 'READY' || !attempt) return
    // An open socket proves nothing: the server reads the token later, and sends this message once it has accepted it.
    attempt.clientId = (payload as { clientId: string }).clientId
    attempt.answer()
    attempt.connection.accepted()
  }
  client.onConnectionStatusChange(onStatus)
  client.onSyncMessageReceived(onMessage)
  client.onSessionError((kind) => {
    const refused = current()
    refused?.answer(new LatchkeyError('SESSION_TOKEN_REFUSED'))
    refused?.connection.rejected(kind)
  })
}
