import {
  type ConnectedSession,
  SYSTEM_TIMER,
  type SessionAuth,
  type SessionOptions,
  connectSession,
  createWriteMarker,
} from '../../lib/session.ts'
import type { ZeroLike } from './client.ts'
import { createTransport } from './transport.ts'
import { PRINCIPAL_HEADER } from './principal-header.ts'

/** What the app passes on to `new Zero`. */
export interface ZeroInput {
  /** The principal. Zero names its storage by it. */
  readonly userID: string
  /** The principal again, for the app's server. */
  readonly queryHeaders: Record<string, string>
  /** The principal again, for the app's server. */
  readonly mutateHeaders: Record<string, string>
  /** Replaces the client. Without it, Zero reloads the page. */
  readonly onClientStateNotFound: () => void
}

/** Options of `connectZero`. */
export interface ZeroSessionOptions<Zero extends ZeroLike> extends Omit<SessionOptions, 'beforeRestart'> {
  /** Creates a client: `(input) => new Zero({ cacheURL, schema, mutators, ...input })`. */
  readonly zero: (input: ZeroInput) => Zero
}

/** The client of the current principal, in the form that `useSyncExternalStore` takes. */
export interface CurrentZero<Zero extends ZeroLike> {
  /** Returns the client; null without a principal, while `clear` deletes its data, and after `end`. */
  get(): Zero | null
  /**
   * Calls `listener` when there is another client.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: () => void): () => void
}

/** A session, and its Zero client. */
export interface ZeroSession<Zero extends ZeroLike> extends ConnectedSession {
  readonly zero: CurrentZero<Zero>
  /** Ends the session, and closes the client up to three seconds later: Zero has then stored the last write. */
  end(): Promise<void>
  /**
   * Deletes what Zero has stored in this browser for the users since the page was loaded, unsent mutations included.
   * Then there is a new client with the current token, unless the session has ended. Rejects with what Zero throws, or
   * with `OFFLINE` after 30 seconds: the same user has no client until the deletion has ended.
   */
  clear(): Promise<void>
}

/**
 * Creates Zero clients for the current principal and supplies them with tokens: from the first second, before there is
 * a token; with the same client after an upgrade; with one client for each principal after that, whose data Zero stores
 * apart. What an adopted principal has not sent yet is sent in the name of the account. Use it with `zeroAuth` at the
 * server.
 *
 * @param auth - the result of `createAuth`
 * @throws {TypeError} an option is invalid
 */
export function connectZero<Zero extends ZeroLike>(
  auth: SessionAuth,
  options: ZeroSessionOptions<Zero>,
): ZeroSession<Zero> {
  const { zero: create, ...rest } = options
  if (typeof create !== 'function') throw new TypeError('zero: expected a function')
  const { clock = Date.now, timer = SYSTEM_TIMER } = rest
  const listeners = new Set<() => void>()
  const fault = (error: unknown): void => void rest.onFault?.(error)
  const transport = createTransport<Zero>({
    auth,
    clock,
    timer,
    fault,
    stored: storedPrincipals,
    isOver: () => session.getState().status === 'ended',
    onWrite: createWriteMarker(auth),
    onChange: () => [...listeners].forEach((listener) => listener()),
    create: (principal) =>
      create({
        userID: principal,
        queryHeaders: { [PRINCIPAL_HEADER]: principal },
        mutateHeaders: { [PRINCIPAL_HEADER]: principal },
        onClientStateNotFound: () => transport.replace(principal),
      }),
  })
  const { onSessionError } = rest
  const session = connectSession(auth, transport, {
    ...rest,
    // The app gets the session with the client, as from this function.
    ...(onSessionError && { onSessionError: (kind) => onSessionError(kind, whole) }),
  })
  const whole: ZeroSession<Zero> = {
    ...session,
    zero: {
      get: transport.current,
      subscribe(listener) {
        const own = (): void => listener()
        listeners.add(own)
        return () => void listeners.delete(own)
      },
    },
    start(...parameters) {
      transport.begin()
      return session.start(...parameters)
    },
    end() {
      transport.end()
      return session.end()
    },
    clear: transport.deleteAll,
  }
  return whole
}

/** Zero names its databases `rep:zero-USER-HASH:VERSION`. A browser that does not list them may have any. */
async function storedPrincipals(principals: readonly string[]): Promise<readonly string[]> {
  if (typeof indexedDB === 'undefined') return []
  if (typeof indexedDB.databases !== 'function') return principals
  const names = (await indexedDB.databases()).map(({ name = '' }) => name)
  return principals.filter((principal) => names.some((name) => name.startsWith(`rep:zero-${principal}-`)))
}
