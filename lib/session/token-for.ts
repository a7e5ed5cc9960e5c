import { isLatchkeyError } from '../errors.ts'
import { isNetworkError } from '../network-error.ts'
import { backoff } from './runtime/backoff.ts'
import { listenForWakeEvents } from './runtime/wake-events.ts'
import type { SessionAuth, SessionTimer } from './options.ts'
import { SYSTEM_TIMER } from './system-timer.ts'

/** Options of {@link tokenFor}. */
export interface TokenForOptions {
  /** `aud` of the tokens; defaults to the page's own audience. */
  readonly audience?: string
  /** The only principal whose tokens are returned: null for any other one. Defaults to the current one at each call. */
  readonly principal?: string
  /**
   * What happens while no token can be fetched. `wait` (the default): the promise stays open until the network is back,
   * for engines that take an error for a refusal. `throw`: it rejects with the error, for engines that try again.
   */
  readonly onOffline?: 'wait' | 'throw'
  /** Ends the wait: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  readonly timer?: SessionTimer
}

/** A token function of an engine. `fresh: true` bypasses the stored token. */
export type TokenFunction = (request?: { readonly fresh?: boolean }) => Promise<string | null>

type TokenAuth = Pick<SessionAuth, 'ready' | 'getState' | 'subscribe' | 'getToken'>

/** Codes that say that there is no token at the moment, in contrast to a refusal. */
const PASSING = /^(OFFLINE|PROVIDER_FAILED|PROVIDER_LIMITED|KEYSTORE_TIMEOUT|IDENTITY_CHANGED)$/

/** The names of what `fetch` throws when it is aborted, as by `AbortSignal.timeout`. */
const ABORTS: readonly unknown[] = ['AbortError', 'TimeoutError']

/**
 * Creates a token function for a sync engine that calls one. It keeps apart what engines confuse: a token, `null`
 * (there is no identity), a rejected promise (the token is refused for good: `SESSION_MISSING`, `PRINCIPAL_DISABLED`,
 * …) and no answer yet (the account server is unreachable).
 *
 * @param auth - the result of `createAuth`
 * @returns the function; it rejects with what `auth.getToken` throws
 * @throws {TypeError} an option is invalid
 */
export function tokenFor(auth: TokenAuth, options: TokenForOptions = {}): TokenFunction {
  const { audience, principal, onOffline = 'wait', signal } = options
  if (onOffline !== 'wait' && onOffline !== 'throw') throw new TypeError("onOffline: expected 'wait' or 'throw'")
  const isOther = (): boolean => principal !== undefined && auth.getState().session?.principal !== principal
  return async ({ fresh = false } = {}) => {
    await auth.ready
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted()
      if (isOther()) return null
      try {
        const token = await auth.getToken({ fresh, ...(audience !== undefined && { audience }) })
        // The user may have changed meanwhile.
        return isOther() ? null : token
      } catch (error) {
        if (onOffline === 'throw' || !isPassing(error)) throw error
      }
      await untilWorthTrying(auth, attempt, options)
    }
  }
}

/** Unreachable is not rejected. */
function isPassing(error: unknown): boolean {
  if (isLatchkeyError(error)) return PASSING.test(error.code)
  return isNetworkError(error) || ABORTS.includes((error as Partial<Error> | null)?.name)
}

/** Resolves after a backoff, when the network is back, when the user changes, or when the signal is aborted. */
async function untilWorthTrying(
  auth: TokenAuth,
  attempt: number,
  { signal, timer = SYSTEM_TIMER }: TokenForOptions,
): Promise<void> {
  const before = auth.getState().session?.principal
  const stops: (() => void)[] = []
  await new Promise<void>((resolve) => {
    const handle = timer.set(resolve, backoff(attempt))
    const onAbort = (): void => resolve()
    signal?.addEventListener('abort', onAbort)
    stops.push(
      () => timer.clear(handle),
      () => signal?.removeEventListener('abort', onAbort),
      listenForWakeEvents(() => resolve()),
      auth.subscribe(() => auth.getState().session?.principal !== before && resolve()),
    )
  })
  for (const stop of stops) stop()
}
