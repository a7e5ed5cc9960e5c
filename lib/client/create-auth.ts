import { INITIAL_STATE } from '../machine/state.ts'
import type { Auth, CreateAuth } from './auth.ts'
import { checkOptions } from './check-options.ts'
import { start } from './device/identity.ts'
import { type Lazy, createLater, retryingLoad } from './later.ts'
import { type Context, createContext } from './shared/context.ts'
import { firstFetch } from './tokens/first-fetch.ts'
import { firstToken } from './tokens/first-token.ts'

/** A method of the later chunk, which has the same name there. */
type LaterMethod = Exclude<keyof Auth & keyof Lazy, 'fetch' | 'getToken' | 'reportToken'>

/**
 * Creates `createAuth`.
 *
 * @param load - loads the later chunk: by `import()` in pages, immediately in service workers
 */
export function createAuthWith(load: () => Promise<Lazy>): CreateAuth {
  const loadOnce = retryingLoad(load)
  return (options = {}) => {
    checkOptions(options)
    const context = createContext(options)
    const [loaded, load, connect, disconnect] = createLater(context, loadOnce)
    // Not before the next microtask: construction does not access the store, channel or network.
    const ready = Promise.resolve(context).then(start).then(connect)
    const connected = (): Promise<Lazy> => ready.then(() => (connect(), load()))

    const methods: Partial<Record<LaterMethod, unknown>> = {}
    // A constant of the module would be longer, since minifiers keep it apart, and so would an array.
    for (const name of (
      'ensureIdentity upgrade acceptAccount cancelUpgrade resolveConflict previewConflict unlinkAlias devices ' +
      'renameDevice revokeDevice revokeOtherDevices signOut deriveKey exportSecret confirmBackup importSecret ' +
      'unlockData listIdentities provePairing requestPersistence markWritten'
    ).split(' ') as LaterMethod[])
      methods[name] = (...given: unknown[]) =>
        connected().then((lazy) => (lazy[name] as (...given: unknown[]) => unknown)(context, ...given))

    return {
      ...(methods as Pick<Auth, LaterMethod>),
      ready,
      getState: context.getState,
      getServerState: () => INITIAL_STATE,
      subscribe: context.subscribe,
      async getToken(request) {
        await ready
        const first = loaded() ? undefined : await firstToken(context, request)
        if (first !== undefined) return first
        try {
          return await (await connected()).getToken(context as Context, request)
        } catch (error) {
          const last = loaded() ? undefined : await firstToken(context, request, true)
          if (last) return last
          throw error
        }
      },
      async fetch(...given) {
        await ready
        const request = new Request(...given)
        const redirect = given[1]?.redirect
        const first = loaded() || redirect ? undefined : await firstFetch(context, request)
        // Only the later chunk knows what a response says about the token.
        const isDone = first && !loaded() && !(first.token && first.response.status === 401)
        if (isDone) return first.response
        // As `unlessAborted` does it, in fewer bytes: no one else has this request's signal.
        const lazy = await new Promise<Lazy>((resolve, reject) => {
          request.signal.onabort = () => reject(request.signal.reason)
          connected().then(resolve, reject)
        })
        return lazy.fetch(context as Context, request, redirect, first)
      },
      reportToken(reason) {
        const lazy = loaded()
        if (lazy) return lazy.reportToken(context as Context, reason)
        // The next token waits for the later chunk: the last one was refused, and the clock may be wrong.
        if (reason) context.timing.readAt = 0
        context.reports.push(reason)
        connected().catch(() => {})
      },
      // If closed before it was ready, it still connects; everything opened until then is closed.
      close: () => void ready.then(disconnect).then(() => context.store.close()),
    }
  }
}
