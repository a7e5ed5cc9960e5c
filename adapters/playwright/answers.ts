import type { APIResponse, BrowserContext, Route } from '@playwright/test'

/** Options of `loseAnswer` and `holdAnswer`. */
export interface AnswerOptions {
  /** Of the request. Defaults to any method but `OPTIONS`. */
  readonly method?: string
}

/** A response that does not arrive. */
export interface LostAnswer {
  /** Resolves with the HTTP status of the server's response, once it is lost; never, if no request matches. */
  readonly status: Promise<number>
}

/** A response that is kept back. */
export interface HeldAnswer {
  /** Resolves with the HTTP status of the server's response; never, if no request matches. */
  readonly status: Promise<number>
  /** Lets the response arrive; while the device is offline, as a network error. */
  release(): void
}

/** Where answers are lost and held. */
export interface Network {
  readonly context: BrowserContext
  /** Requests of a route come from Node, which is online: while this is true, the browser has to answer. */
  readonly isOffline: () => boolean
}

/** Loses the next response: see `Device.loseAnswer`. */
export async function loseAnswer(network: Network, url: string | RegExp, options?: AnswerOptions): Promise<LostAnswer> {
  const { context } = network
  const answered = createLatch<number>()
  await onNextRequest(network, url, options, async (route) => {
    const response = await fetchAlone(context, route)
    await route.abort('connectionreset')
    answered.resolve(response.status())
  })
  return { status: answered.promise }
}

/** Keeps back the next response: see `Device.holdAnswer`. */
export async function holdAnswer(network: Network, url: string | RegExp, options?: AnswerOptions): Promise<HeldAnswer> {
  const answered = createLatch<number>()
  const released = createLatch<void>()
  await onNextRequest(network, url, options, async (route) => {
    const response = await fetchAlone(network.context, route)
    answered.resolve(response.status())
    await released.promise
    await (network.isOffline() ? route.abort('internetdisconnected') : route.fulfill({ response }))
  })
  return { status: answered.promise, release: released.resolve }
}

/** Fetches a response without its cookies, which the device has not got yet. */
async function fetchAlone(context: BrowserContext, route: Route): Promise<APIResponse> {
  const cookies = await context.cookies()
  const response = await route.fetch({ maxRedirects: 0 })
  // Only these: other answers arrived meanwhile.
  const lines = response.headersArray().filter(({ name }) => name.toLowerCase() === 'set-cookie')
  const names = new Set(lines.map(({ value }) => value.split('=')[0]!.trim()))
  for (const name of names) await context.clearCookies({ name })
  await context.addCookies(cookies.filter(({ name }) => names.has(name)))
  return response
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function createLatch<Value>(): { readonly promise: Promise<Value>; readonly resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void
  const promise = new Promise<Value>((settle) => (resolve = settle))
  return { promise, resolve }
}

async function onNextRequest(
  { context, isOffline }: Network,
  url: string | RegExp,
  { method }: AnswerOptions = {},
  act: (route: Route) => Promise<void>,
): Promise<void> {
  const isChosen = (sent: string): boolean => (method ? sent === method.toUpperCase() : sent !== 'OPTIONS')
  let isOver = false
  const handler = async (route: Route): Promise<void> => {
    if (isOver || isOffline() || !isChosen(route.request().method())) return route.fallback()
    isOver = true
    await act(route)
    await context.unroute(url, handler)
  }
  await context.route(url, handler)
}
