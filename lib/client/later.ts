import { LatchkeyError } from '../errors.ts'
import { withTimeout } from '../timeout.ts'
import type { Context, StartContext } from './shared/context.ts'

/** The part of the client that loads later. */
export type Lazy = typeof import('./later-parts.ts')

/** How long the later part may take to load. */
const LOAD_TIMEOUT_MS = 10_000

/** Loads the later part once for all instances, and again after a failure. */
export function retryingLoad(load: () => Promise<Lazy>): () => Promise<Lazy> {
  // One promise for all callers: two imports of a module that is still loading may resolve in any order.
  let loading: Promise<Lazy> | undefined
  return () =>
    // Without a cause, it took too long.
    (loading ??= withTimeout(load(), LOAD_TIMEOUT_MS, () => Promise.reject()).catch((cause: unknown) => {
      loading = undefined
      throw new LatchkeyError('OFFLINE', undefined, cause)
    }))
}

/** Returns the later part once it is loaded: then the context is complete. */
type Loaded = () => Lazy | undefined

/** Loads the later part, which completes the context. */
type Load = () => Promise<Lazy>

/** Connects to other tabs, the network and the account server, unless it is connected. */
type Connect = () => void

/** Ends the connection, and the attempts to connect, for good. */
type Disconnect = () => Promise<void>

/** Loads nothing until it is asked to. */
export function createLater(context: StartContext, loadOnce: Load): [Loaded, Load, Connect, Disconnect] {
  let background: Promise<(() => void) | void> | undefined
  let loaded: Lazy | undefined
  let isOver = false
  /** Before the next try, in milliseconds; triples with each failure. */
  let delay = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function load(): Promise<Lazy> {
    const lazy = await loadOnce()
    lazy.start(context)
    return (loaded = lazy)
  }

  function connect(): void {
    // During server rendering there is no store: nothing to connect, and no account to ask about.
    if (isOver || background || (!context.options.keystore && !globalThis.indexedDB)) return
    clearTimeout(timer)
    background = load()
      .then(({ startBackground }) => startBackground(context as Context))
      // If it cannot be loaded, the identity still works; each call that needs it tries again.
      .catch(() => {
        background = undefined
        // Not every platform has these events. A timer of a page that was frozen fires when it is shown again.
        // The second event bubbles from the document.
        for (const type of ['online', 'visibilitychange']) globalThis.addEventListener?.(type, connect, { once: true })
        timer = setTimeout(connect, (delay = Math.min(delay * 3 || 5000, 300_000)))
        // A process of Node may end meanwhile.
        ;(timer as { unref?: () => void }).unref?.()
      })
  }

  async function disconnect(): Promise<void> {
    isOver = true
    const stop = await background
    clearTimeout(timer)
    stop?.()
  }

  return [() => loaded, load, connect, disconnect]
}
