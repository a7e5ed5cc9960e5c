import { ORIGIN } from '../../../adapters/better-auth/testing/server.testing.ts'
import { cookieOf, keepCookies } from '../ask.ts'

/** How one request of a page fails. */
export const NETWORK_FAULTS = [
  /** It does not reach the server. */
  'lost',
  /** It takes effect, and nothing of the answer arrives. */
  'answerLost',
  /** It takes effect; the head of the answer arrives with its cookies, the body does not. */
  'bodyLost',
  /** It reaches the server in a later step. */
  'arrivesLate',
  /** It takes effect at once; its answer arrives in a later step. */
  'answersLate',
  /** A gateway answers in place of the server. */
  'fails',
  /** It takes effect, and a gateway answers. */
  'failsAfterwards',
  /** Something in front of the server asks to wait. */
  'limits',
  /** A captive portal answers. */
  'portal',
] as const
export type NetworkFault = (typeof NETWORK_FAULTS)[number]

/** What all pages of a device share. */
export interface Line {
  readonly cookies: Map<string, string>
  isOnline: boolean
}

/** The connection of one page, with its own faults. */
export interface Connection {
  /** Number of running requests, without those that are held back. */
  readonly pending: number
  readonly fetch: typeof fetch
  /** Makes one request fail: the `nth` from now on, counted from 1. */
  arm(fault: NetworkFault, nth: number): void
  /** Releases what is held back, and makes no further request fail. */
  release(): void
  /** The page is gone: nothing of an answer reaches it or its device. */
  cut(): void
}

const ANSWERS: Readonly<Partial<Record<NetworkFault, () => Response>>> = {
  fails: () => Response.json({}, { status: 503 }),
  failsAfterwards: () => Response.json({ message: 'bad gateway' }, { status: 502 }),
  limits: () => Response.json({ message: 'too many' }, { status: 429, headers: { 'retry-after': '3' } }),
  portal: () => new Response('<html>sign in to the hotel</html>', { headers: { 'content-type': 'text/html' } }),
}

/** Connects one page of a device to the server. */
export function connect(line: Line, handler: (request: Request) => Promise<Response>): Connection {
  let plan: { readonly fault: NetworkFault; left: number } | undefined
  let isCut = false
  let releases = 0
  const held = new Set<() => void>()
  const connection = { pending: 0 }

  function next(): NetworkFault | undefined {
    if (!plan || --plan.left !== 0) return undefined
    return plan.fault
  }

  async function hold(since: number): Promise<void> {
    if (releases !== since) return
    connection.pending--
    await new Promise<void>((resolve) => held.add(resolve))
    connection.pending++
  }

  async function carry(request: Request, fault: NetworkFault | undefined): Promise<Response> {
    const since = releases
    const isGone = (): boolean => isCut || request.signal.aborted
    if (isGone() || !line.isOnline || fault === 'lost') throw unreachable()
    if (fault === 'fails' || fault === 'limits' || fault === 'portal') return ANSWERS[fault]!()
    if (fault === 'arrivesLate') await hold(since)
    const answer = await handler(request)
    if (fault === 'answersLate') await hold(since)
    if (isGone() || fault === 'answerLost') throw unreachable()
    if (fault === 'failsAfterwards') return ANSWERS[fault]!()
    keepCookies(line.cookies, answer)
    if (fault === 'bodyLost') throw unreachable()
    return answer
  }

  async function send(...given: Parameters<typeof fetch>): Promise<Response> {
    const request = new Request(...given)
    request.headers.set('origin', ORIGIN)
    for (const [name, value] of Object.entries(cookieOf(line.cookies))) request.headers.set(name, value)
    connection.pending++
    // What the page has given up does not settle for it, though it goes on outside.
    const carried = carry(request, next()).finally(() => connection.pending--)
    carried.catch(() => {})
    return await Promise.race([carried, aborted(request.signal)])
  }

  function release(): void {
    plan = undefined
    releases++
    for (const resolve of held) resolve()
    held.clear()
  }

  return Object.assign(connection, {
    fetch: send as typeof fetch,
    arm: (fault: NetworkFault, nth: number) => void (plan = { fault, left: nth }),
    release,
    cut() {
      isCut = true
      release()
    },
  })
}

function unreachable(): TypeError {
  return new TypeError('fetch failed')
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}
