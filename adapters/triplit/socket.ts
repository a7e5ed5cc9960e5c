import type { SessionTimer } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** How long to wait for a socket to close before local data is deleted anyway, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2000

/**
 * The client's socket. After `disconnect()` the client may still reconnect with its current token; without a server URL
 * it cannot.
 */
export interface Socket {
  /** Opens the socket with a token, once the previous one is closed. `isWanted` is called immediately before. */
  open(token: string, isWanted: () => boolean): Promise<void>
  /** Stops all traffic. The token stays, for variables in local queries. */
  block(): void
  /** Removes the token. */
  strip(): void
  /** Resolves when the socket is closed, or after a timeout. */
  settled(): Promise<void>
  /** Reports that the client's socket exists, or is gone. */
  see(isThere: boolean): void
}

/** Creates the controller of the client's socket. */
export function createSocket(client: TriplitClientLike, timer: SessionTimer): Socket {
  let url = client.serverUrl
  let isThere = false
  let afterwards: (() => void)[] = []

  /** The client reports a closed socket only while the session is current. */
  const whenClosed = (call: () => void): void => void (isThere ? afterwards.push(call) : call())
  const closed = (): Promise<void> => new Promise(whenClosed)

  return {
    async open(token, isWanted) {
      await closed()
      if (!isWanted()) return
      client.updateServerUrl(url)
      await client.startSession(token, true).catch((error: unknown) => {
        isThere = false
        throw error
      })
    },
    block() {
      if (client.serverUrl === undefined) return
      url = client.serverUrl
      if (isThere) client.disconnect()
      client.updateServerUrl(undefined)
      whenClosed(() => seal(client, client.token))
    },
    strip() {
      whenClosed(() => {
        seal(client, undefined)
        client.updateServerUrl(url)
      })
    },
    settled: () => atMost(timer, closed()),
    see(nowThere) {
      isThere = nowThere
      if (!nowThere) for (const call of afterwards.splice(0)) call()
    },
  }
}

/** A session with a token but without a server URL cannot connect, whichever timers of the client still run. */
function seal(client: TriplitClientLike, token: string | undefined): void {
  client.updateServerUrl(undefined)
  void client.startSession(token, false)
}

async function atMost(timer: SessionTimer, closed: Promise<void>): Promise<void> {
  let handle: unknown
  const late = new Promise<void>((resolve) => void (handle = timer.set(resolve, CLOSE_TIMEOUT_MS)))
  await Promise.race([closed, late])
  timer.clear(handle)
}
