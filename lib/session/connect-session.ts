import { LatchkeyError } from '../errors.ts'
import type { ConnectedSession, StartOptions } from './connected-session.ts'
import { createAuthObserver } from './runtime/auth-observer.ts'
import { prepareRestart } from './runtime/hand-over.ts'
import { type SessionAuth, type SessionOptions, checkSessionOptions } from './options.ts'
import type { SessionRuntime } from './runtime/runtime.ts'
import { createSessionRuntime } from './runtime/session-runtime.ts'
import { type SessionTransport, checkTransport } from './transport.ts'

/**
 * Supplies a sync engine or a socket with tokens of the current identity: connects, refreshes in time, pauses when a
 * token is refused and resumes with a fresh one. An upgrade continues the same session, another principal starts
 * another one, and a sign-out ends it.
 *
 * @param auth - the result of `createAuth`
 * @param transport - what to drive
 * @throws {TypeError} an option or `transport.keeps` is invalid
 * @throws {LatchkeyError} `TOKEN_*`: `options.token` is not a token
 */
export function connectSession(
  auth: SessionAuth,
  transport: SessionTransport,
  options: SessionOptions = {},
): ConnectedSession {
  checkSessionOptions(options)
  checkTransport(transport)
  const runtime = createSessionRuntime(auth, transport, options, () => session)
  if (options.token !== undefined) runtime.read(options.token, false)
  const { dispatch } = runtime
  const starter = createStarter(runtime)

  const session: ConnectedSession = {
    ready: options.autoStart === false ? Promise.resolve() : starter.first(),
    getState: runtime.getState,
    subscribe: runtime.subscribe,
    start: starter.start,
    connect: () => dispatch({ type: 'connectAsked' }),
    disconnect: starter.disconnect,
    update: (token) => update(runtime, token),
    end: starter.end,
    async clear() {
      if (!transport.clear) throw new TypeError('clear: the transport has no `clear` method')
      await runtime.connection.clear()
      runtime.owner = null
    },
  }
  return session
}

interface Starter extends Pick<ConnectedSession, 'start' | 'disconnect' | 'end'> {
  /** The automatic start at construction. Never rejects. */
  first(): Promise<void>
}

function createStarter(runtime: SessionRuntime): Starter {
  const { auth, options, dispatch } = runtime
  const observer = createAuthObserver(runtime)
  let starts = 0
  let ends = 0
  let disconnects = 0
  /** For whom the app starts a session. Starts for the same user share the decision about the data. */
  let next: { readonly principal: string | null } | null = null

  async function start(
    text?: string | null,
    { autoConnect = options.autoConnect ?? true }: StartOptions = {},
  ): Promise<void> {
    if (text === null) throw new LatchkeyError('SESSION_TOKEN_MISSING')
    const mine = ++starts
    const [endsBefore, disconnectsBefore] = [ends, disconnects]
    await auth.ready
    const token = text === undefined ? null : runtime.read(text, false)
    const { session } = auth.getState()
    const principal = session?.principal ?? null
    if (token && principal !== null && token.principal !== principal) throw new LatchkeyError('PRINCIPAL_MISMATCH')
    const isSameUser = (): boolean => principal === (auth.getState().session?.principal ?? null)
    // `start` was called again meanwhile.
    if (mine !== starts) return
    const isEnded = (): boolean => ends !== endsBefore
    if (token || next?.principal !== principal) next = { principal }
    const own = next
    // With a token of its own, the app says whose session starts.
    const isCurrent = (): boolean => own === next && !isEnded() && isSameUser()
    if (session && !token) await prepareRestart(runtime, session.principals, isCurrent)
    if (mine !== starts || isEnded()) return
    if (!isSameUser()) throw new LatchkeyError('PRINCIPAL_MISMATCH')
    observer.start()
    // `disconnect()` may be called before the start.
    dispatch({ type: 'started', token, principal, connect: autoConnect && disconnects === disconnectsBefore })
  }

  return {
    start,
    first: () => start(options.token).catch(runtime.fault),
    disconnect() {
      disconnects++
      dispatch({ type: 'disconnectAsked' })
    },
    async end() {
      ends++
      next = null
      observer.stop()
      runtime.halt()
      dispatch({ type: 'ended' })
      // During an effect, the event is still queued.
      await Promise.resolve()
      await runtime.connection.settled()
    },
  }
}

async function update({ state, dispatch, read, pendingResults }: SessionRuntime, text: string | null): Promise<void> {
  if (text === null || text === undefined) throw new LatchkeyError('SESSION_TOKEN_MISSING')
  const token = read(text, true)
  if (state().stage !== 'started') throw new LatchkeyError('SESSION_ENDED')
  const result = pendingResults.wait(text)
  dispatch({ type: 'given', token })
  await result
}
