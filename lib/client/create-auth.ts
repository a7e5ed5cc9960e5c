import { LatchkeyError } from '../errors.ts'
import { INITIAL_STATE } from '../machine/state.ts'
import { withTimeout } from '../timeout.ts'
import type { Auth, CreateAuth } from './auth.ts'
import { checkOptions } from './check-options.ts'
import { start } from './device/identity.ts'
import { type Context, type StartContext, createContext } from './shared/context.ts'
import { firstFetch } from './tokens/first-fetch.ts'
import { firstToken } from './tokens/first-token.ts'

/** The part of the client that loads later. */
type Lazy = typeof import('./lazy.ts')

/** How long the later part may take to load. */
const LOAD_TIMEOUT_MS = 10_000

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
    let whole: Lazy | undefined
    const lazy = async (): Promise<Lazy> => {
      const later = await loaded()
      later.attach(context)
      return (whole = later)
    }
    let background: Promise<(() => void) | void> | undefined
    // Connects to other tabs, the network and the account server, unless it is connected.
    const connect = (isFirst = false): void => {
      // During server rendering there is no store: nothing to connect, and no account to ask about.
      if (background || (!options.keystore && !globalThis.indexedDB)) return
      background = lazy()
        .then(({ startBackground }) => startBackground(context as Context, isFirst))
        // If it cannot be loaded, the identity still works; each call that needs it tries again.
        .catch(() => {
          background = undefined
          globalThis.addEventListener?.('online', () => connect(), { once: true })
        })
    }

    // Not before the next microtask: construction does not access the store, channel or network.
    const ready = Promise.resolve().then(async () => connect(!(await start(context))))
    const later = (): Promise<Lazy> => ready.then(() => (connect(), lazy()))

    return {
      ...lazyMethods(context, later),
      ready,
      getState: context.getState,
      getServerState: () => INITIAL_STATE,
      subscribe: context.subscribe,
      async getToken(request) {
        await ready
        const first = whole ? undefined : await firstToken(context, request)
        if (first !== undefined) return first
        try {
          return await (await lazy()).getToken(context as Context, request)
        } catch (error) {
          const last = whole ? undefined : await firstToken(context, request, true)
          if (last) return last
          throw error
        }
      },
      async fetch(...given) {
        await ready
        const request = new Request(...given)
        const redirect = given[1]?.redirect
        const first = whole || redirect ? undefined : await firstFetch(context, request)
        const isDone = first && !whole && first.response.status !== 401
        return isDone ? first.response : (await later()).fetch(context as Context, request, redirect, first)
      },
      reportToken(reason) {
        if (whole) whole.reportToken(context as Context, reason)
        else
          later().then(
            ({ reportToken }) => reportToken(context as Context, reason),
            () => {},
          )
      },
      // If closed before it was ready, it still connects; everything opened until then is closed.
      close: () =>
        void ready
          .then(() => background)
          .then((stop) => stop?.())
          .then(() => context.store.close()),
    }
  }
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
] as const satisfies readonly (keyof Auth & keyof Lazy)[]

type LazyMethod = (typeof LAZY)[number]

function lazyMethods(context: StartContext, load: () => Promise<Lazy>): Pick<Auth, LazyMethod> {
  const method =
    (name: LazyMethod) =>
    (...request: unknown[]) =>
      load().then((lazy) => (lazy[name] as (...given: unknown[]) => unknown)(context, ...request))
  return Object.fromEntries(LAZY.map((name) => [name, method(name)])) as Pick<Auth, LazyMethod>
}
