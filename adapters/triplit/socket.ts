import type { SessionTimer } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** How long a socket may take to close before local data is deleted all the same, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2000

/**
 * The client's socket. The client connects again by itself after `disconnect()` if it was about to, with the token that
 * it has; without a server's address it cannot.
 */
export interface Socket {
  /** Opens it with a token, once the one before is closed. `isWanted` is asked right before. */
  open(token: string, isWanted: () => boolean): Promise<void>
  /** Lets nothing out any more. The token stays, for variables in local queries. */
  block(): void
  /** Takes the token away. */
  strip(): void
  /** Resolves when the socket is closed, or after a while. */
  settled(): Promise<void>
  /** Tells that the client's socket is there, or gone. */
  see(isThere: boolean): void
}

/** Makes what holds the client's socket. */
export function createSocket(client: TriplitClientLike, timer: SessionTimer): Socket {
  let url = client.serverUrl
  let isThere = false
  let afterwards: (() => void)[] = []

  /** Only a session that is still the client's own tells when its socket is closed. */
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

/** A session that has a token and no address cannot connect, whichever timer of the client still runs. */
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
