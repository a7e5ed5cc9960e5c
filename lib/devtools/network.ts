import { shownAddress } from './hidden.ts'
import { type Bearer, bearerOf } from './jws.ts'

/** A request of the page, without anything that could be used again. */
export interface SeenRequest {
  readonly kind: 'request'
  /** Milliseconds since the page started. */
  readonly tick: number
  readonly method: string
  /** Relative for the page's own origin. */
  readonly address: string
  readonly bearer: Bearer
  /** True if it carried a proof of the device's key. */
  readonly hasProof: boolean
  /** The status, or why there is none; undefined while it runs. */
  readonly result: number | 'redirected' | 'aborted' | 'failed' | 'offline' | undefined
  /** Until the response's headers, in milliseconds. */
  readonly duration: number | undefined
  /** Why the server refused the token (RFC 6750 §3). */
  readonly reason: string | undefined
}

/** Stands between the page and the network while the panel is in the page. */
export interface Network {
  /** True while `fetch` fails as without a network. */
  readonly isCut: boolean
  /** `fetch` rejects, `navigator.onLine` is false, `offline` is dispatched; and back. */
  cut(isCut: boolean): void
  /** False while requests carry no cookies, and cookies of responses are ignored. */
  hasCookies: boolean
  /** Restores everything. */
  leave(): void
}

/** What the panel does with each request. */
export interface RequestListener {
  /** Called before a request is noted. Returns the names of the headers that can carry a token. */
  before(): Iterable<string>
  /** Called when a request was noted, and when it ended. */
  changed(request: SeenRequest, isNew: boolean): void
}

/** The request header of a proof. */
const PROOF_HEADER = 'x-latchkey-proof'

/**
 * Replaces `fetch`. Workers, open sockets, running requests and code that kept a reference to `fetch` are not affected.
 */
export function watchNetwork(listener: RequestListener): Network {
  const real = globalThis.fetch
  let isOver = false
  let restoreOnLine: (() => void) | undefined
  const network: Network = {
    get isCut() {
      return restoreOnLine !== undefined
    },
    cut(isCut) {
      if (isCut === network.isCut) return
      const wasOnline = navigator.onLine
      restoreOnLine?.()
      restoreOnLine = isCut ? override(navigator, 'onLine', { get: () => false }) : undefined
      if (navigator.onLine !== wasOnline) dispatchEvent(new Event(isCut ? 'offline' : 'online'))
    },
    hasCookies: true,
    leave() {
      network.cut(false)
      isOver = true
      // Code that wrapped `fetch` meanwhile stays: the function that it calls passes everything on from now on.
      if (globalThis.fetch === watched) restoreFetch()
    },
  }
  const watched: typeof fetch = async (...given) => {
    if (isOver) return real(...given)
    const end = begin(given, listener)
    try {
      if (network.isCut) throw new TypeError('Failed to fetch')
      const [input, init] = given
      const response = await (network.hasCookies ? real(...given) : real(input, { ...init, credentials: 'omit' }))
      end(response.status || 'redirected', response)
      return response
    } catch (error) {
      const isAborted = (error as Error | null)?.name === 'AbortError'
      end(network.isCut ? 'offline' : isAborted ? 'aborted' : 'failed')
      throw error
    }
  }
  const restoreFetch = override(globalThis, 'fetch', { value: watched, writable: true, enumerable: true })
  return network
}

type End = (result: SeenRequest['result'], response?: Response) => void

/** Notes a request. What cannot be read is not noted: `fetch` itself says what is wrong with it. */
function begin([input, init]: Parameters<typeof fetch>, { before, changed }: RequestListener): End {
  try {
    const tokenHeaders = [...before()]
    const request = input instanceof Request ? input : undefined
    const headers = new Headers(init?.headers ?? request?.headers)
    const seen: { -readonly [Name in keyof SeenRequest]: SeenRequest[Name] } = {
      kind: 'request',
      tick: performance.now(),
      method: (init?.method ?? request?.method ?? 'GET').toUpperCase(),
      address: shownAddress(new URL(request?.url ?? String(input), document.baseURI), location.origin),
      bearer: bearerOf(tokenHeaders.map((name) => headers.get(name)).find((value) => value !== null) ?? null),
      hasProof: headers.has(PROOF_HEADER),
      result: undefined,
      duration: undefined,
      reason: undefined,
    }
    changed(seen, true)
    return (result, response) => {
      seen.result = result
      seen.duration = performance.now() - seen.tick
      seen.reason = reasonOf(response)
      changed(seen, false)
    }
  } catch {
    return () => {}
  }
}

/** In the form that `latchkey/server` sends. */
function reasonOf(response: Response | undefined): string | undefined {
  const challenge = response?.headers.get('www-authenticate') ?? ''
  return /error_description="(\w+)"/.exec(challenge)?.[1] ?? /\berror="(\w+)"/.exec(challenge)?.[1]
}

function override(target: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { ...property, configurable: true })
  return () => void (before ? Object.defineProperty(target, name, before) : Reflect.deleteProperty(target, name))
}
