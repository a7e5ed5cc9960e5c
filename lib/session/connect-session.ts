import { LatchkeyError } from '../errors.ts'
import { createFollower } from './follower.ts'
import { type SessionAuth, type SessionOptions, checkSessionOptions } from './options.ts'
import { type SessionRuntime, createSessionRuntime } from './runtime.ts'
import type { SessionSink } from './sink.ts'
import type { SessionState } from './state.ts'

/** Options of `start`. */
export interface StartOptions {
  /** False waits for `connect()`; as in the options of `connectSession` unless told. */
  readonly autoConnect?: boolean
}

/** A session on one sink. Made by `connectSession`. */
export interface ConnectedSession {
  /** Resolves once the first start is through, or at once without one. Never rejects, never waits for the network. */
  readonly ready: Promise<void>
  /** The present state: frozen, the same reference until a field changes. */
  getState(): SessionState
  /**
   * Calls `listener` after each change.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: () => void): () => void
  /**
   * Starts a session with this token, or with one from `refresh.handler` or `auth`, and ends the one before if it was another. A token
   * that looks expired is refreshed first. The same session again only connects, and takes the token.
   *
   * @throws {LatchkeyError} `SESSION_TOKEN_MISSING` for null, `TOKEN_*`, `PRINCIPAL_MISMATCH`: not the principal of `auth`; nothing was changed
   */
  start(token?: string | null, options?: StartOptions): Promise<void>
  /** Connects, after `autoConnect: false`, `disconnect()` or an error that no fresh token mends. */
  connect(): void
  /** Disconnects until `connect()`. The session goes on. */
  disconnect(): void
  /**
   * Puts a fresh token of the same principal in place. Resolves once the other side took it or, without a connection, once it is kept for the next one.
   *
   * @throws {LatchkeyError} `SESSION_TOKEN_MISSING` for null, `TOKEN_*`, `PRINCIPAL_MISMATCH`, `SESSION_ENDED`: nothing was changed ·
   *   `ROLES_MISMATCH`: the session was closed · `SESSION_TOKEN_REFUSED`, `TOKEN_EXPIRED`, `OFFLINE`: the token before stays in force
   */
  update(token: string | null): Promise<void>
  /** Ends the session: no more traffic, no more refreshing. Local data stays. `start` begins another one. */
  end(): Promise<void>
  /**
   * Has the sink delete its local data.
   *
   * @throws {TypeError} the sink keeps none that it could delete; otherwise what the sink throws
   */
  clear(): Promise<void>
}

/**
 * Keeps a sync engine or a socket supplied with the tokens of the identity in force: connects, refreshes in time, pauses when a token is refused and goes on
 * with a fresh one. An upgrade goes on with the same session; another principal gets another one, and a sign-out ends it.
 *
 * @param auth - what `createAuth` gave
 * @param sink - what to drive
 * @throws {TypeError} an option cannot be meant
 * @throws {LatchkeyError} `TOKEN_*`: `options.token` is no token
 */
export function connectSession(auth: SessionAuth, sink: SessionSink, options: SessionOptions = {}): ConnectedSession {
  checkSessionOptions(options)
  const runtime = createSessionRuntime(auth, sink, options, () => session)
  if (options.token !== undefined) runtime.read(options.token, false)
  const { dispatch } = runtime
  const starter = createStarter(runtime)

  const session: ConnectedSession = {
    ready: options.autoStart === false ? Promise.resolve() : starter.first(),
    getState: runtime.getState,
    subscribe: runtime.subscribe,
    start: starter.start,
    connect: () => dispatch({ type: 'connectAsked' }),
    disconnect: () => dispatch({ type: 'disconnectAsked' }),
    update: (token) => update(runtime, token),
    end: starter.end,
    async clear() {
      if (!sink.clear) throw new TypeError('clear: the sink has no `clear`')
      await runtime.driver.clear()
      runtime.owner = null
    },
  }
  return session
}

interface Starter extends Pick<ConnectedSession, 'start' | 'end'> {
  /** The start at construction. Never rejects. */
  first(): Promise<void>
}

function createStarter(runtime: SessionRuntime): Starter {
  const { auth, options, dispatch } = runtime
  const follower = createFollower(runtime)
  let acts = 0

  async function start(
    text?: string | null,
    { autoConnect = options.autoConnect ?? true }: StartOptions = {},
  ): Promise<void> {
    if (text === null) throw new LatchkeyError('SESSION_TOKEN_MISSING')
    const mine = ++acts
    await auth.ready
    const token = text === undefined ? null : runtime.read(text, false)
    const principal = auth.getState().session?.principal ?? null
    if (token && principal !== null && token.principal !== principal) throw new LatchkeyError('PRINCIPAL_MISMATCH')
    // Another start, or the end, came while the identity was opened.
    if (mine !== acts) return
    follower.attach()
    dispatch({ type: 'started', token, principal, connect: autoConnect })
  }

  return {
    start,
    first: () =>
      start(options.token).catch((error: unknown) => {
        runtime.fault(error)
        dispatch({ type: 'startRefused' })
      }),
    async end() {
      acts++
      follower.detach()
      runtime.halt()
      dispatch({ type: 'ended' })
      // Inside a callback the event is still queued.
      await Promise.resolve()
      await runtime.driver.settled()
    },
  }
}

async function update({ state, dispatch, read, waiters }: SessionRuntime, text: string | null): Promise<void> {
  if (text === null || text === undefined) throw new LatchkeyError('SESSION_TOKEN_MISSING')
  const token = read(text, true)
  if (state().stage !== 'started') throw new LatchkeyError('SESSION_ENDED')
  const verdict = waiters.wait(text)
  dispatch({ type: 'given', token })
  await verdict
}
