import { LatchkeyError } from '../errors.ts'
import { type AuthErrorKind, INITIAL_STATE } from '../machine/state.ts'
import { withTimeout } from '../timeout.ts'
import type { Auth, CreateAuth } from './auth.ts'
import { checkOptions } from './check-options.ts'
import { start } from './device/identity.ts'
import { type Context, createContext } from './shared/context.ts'
import { firstToken } from './tokens/first-token.ts'

/** The part of the client that loads later. */
type Lazy = typeof import('./lazy.ts')

/** How long the later part may take to load. */
const LOAD_TIMEOUT_MS = 10_000

/** Events after which the later part may be reachable. The second one bubbles from the document. */
const WAKE_UPS = ['online', 'visibilitychange']

/**
 * Creates `createAuth`.
 *
 * @param load - loads the later chunk: by `import()` in pages, immediately in service workers
 */
export function createAuthWith(load: () => Promise<Lazy>): CreateAuth {
  // One promise for all callers: two imports of a module that is still loading may resolve in any order.
  let loading: Promise<Lazy> | undefined
  const loaded = (): Promise<Lazy> =>
    // Without a cause, it took too long.
    (loading ??= withTimeout(load(), LOAD_TIMEOUT_MS, () => Promise.reject()).catch((cause: unknown) => {
      loading = undefined
      throw new LatchkeyError('OFFLINE', undefined, cause)
    }))
  return (options = {}) => {
    checkOptions(options)
    const context = createContext(options)
    let getToken: Auth['getToken'] | undefined
    const lazy = async (): Promise<Lazy> => {
      const later = await loaded()
      context.useTable(later.TABLE)
      getToken = later.tokenSource(context)
      return later
    }
    let background: Promise<(() => void) | void> | undefined
    let isFirst = false
    /** Before the next try, in milliseconds; triples with each failure. */
    let delay = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    // Connects to other tabs, the network and the account server, unless it is connected.
    const connect = (): void => {
      // During server rendering there is no store: nothing to connect, and no account to ask about.
      if (background || (!options.keystore && !globalThis.indexedDB)) return
      background = lazy()
        .then(({ startBackground }) => startBackground(context, isFirst))
        // If it cannot be loaded, the identity still works; each call that needs it tries again.
        .catch(() => {
          background = undefined
          // Not every platform has these events. A timer of a page that was frozen fires when it is shown again.
          for (const type of WAKE_UPS) globalThis.addEventListener?.(type, connect)
          clearTimeout(timer)
          timer = setTimeout(connect, (delay = Math.min(delay * 3 || 5000, 300_000)))
        })
    }

    // Not before the next microtask: construction does not access the store, channel or network.
    const ready = Promise.resolve().then(async () => {
      isFirst = !(await start(context))
      connect()
    })
    const later = (): Promise<Lazy> => ready.then(() => (connect(), lazy()))

    return {
      ...lazyMethods(context, later),
      ready,
      getState: context.getState,
      getServerState: () => INITIAL_STATE,
      subscribe: context.subscribe,
      getToken: async (request) => (await ready, getToken ? getToken(request) : firstToken(context, lazy, request)),
      reportToken: (reason) =>
        void context.dispatch(
          reason === null ? { type: 'tokenAccepted' } : { type: 'tokenRejected', reason: knownReason(reason) },
        ),
      // If closed before it was ready, it still connects; everything opened until then is closed.
      close: () =>
        void ready
          .then(() => (background ??= Promise.resolve()))
          .then((stop) => stop?.())
          .then(() => context.store.close()),
    }
  }
}

/** Apps pass on what a server sent, such as the reason why a socket was closed. */
function knownReason(reason: AuthErrorKind): AuthErrorKind {
  return /^(expired|missing|disabled)$/.test(reason) ? reason : 'invalid'
}

/** Methods of the later chunk, exported there under the same names. */
const LAZY = [
  'ensureIdentity',
  'upgrade',
  'acceptAccount',
  'cancelUpgrade',
  'resolveConflict',
  'previewConflict',
  'unlinkAlias',
  'devices',
  'renameDevice',
  'revokeDevice',
  'revokeOtherDevices',
  'signOut',
  'deriveKey',
  'exportSecret',
  'confirmBackup',
  'importSecret',
  'unlockData',
  'listIdentities',
  'provePairing',
  'requestPersistence',
  'markWritten',
  'fetch',
] as const satisfies readonly (keyof Auth & keyof Lazy)[]

type LazyMethod = (typeof LAZY)[number]

function lazyMethods(context: Context, load: () => Promise<Lazy>): Pick<Auth, LazyMethod> {
  const method =
    (name: LazyMethod) =>
    (...request: unknown[]) =>
      load().then((lazy) => (lazy[name] as (...given: unknown[]) => unknown)(context, ...request))
  return Object.fromEntries(LAZY.map((name) => [name, method(name)])) as Pick<Auth, LazyMethod>
}
