import { LatchkeyError } from '../../lib/index.ts'
import { toFailure } from '../better-auth/client/failures.ts'
import {
  type LatchkeyAuthClient,
  type LatchkeyClientOptions,
  type LatchkeyClientPlugin,
  type LatchkeyConnection,
  latchkeyClient,
} from '../better-auth/client/index.ts'
import { OWN } from '../better-auth/client/session-events.ts'
import { type WebBrowserModule, signInByBrowser } from './auth-session.ts'
import { parameterOf, queryWithoutPages, withoutPages } from './link.ts'

type FetchPlugin = LatchkeyClientPlugin['fetchPlugins'][number]
type Init = NonNullable<FetchPlugin['init']>
type Options = NonNullable<Parameters<Init>[1]>
type Hooks = NonNullable<FetchPlugin['hooks']>

/** Options of {@link latchkeyExpoClient}. */
export interface LatchkeyExpoClientOptions extends LatchkeyClientOptions {
  /** `import * as WebBrowser from 'expo-web-browser'`. */
  readonly WebBrowser: WebBrowserModule
  /** Passed on to `openAuthSessionAsync`. */
  readonly webBrowserOptions?: object
}

/** The Better Auth client of a native app. */
export interface LatchkeyExpoAuthClient extends LatchkeyAuthClient {
  /** Added by {@link latchkeyExpoClient}. */
  $latchkeyExpo(): LatchkeyExpoConnection
}

/** Passed from the client plugin to `createExpoAuth`. */
export interface LatchkeyExpoConnection {
  /**
   * Deletes the session that `expoClient` has stored, without a request to the server. A response to an earlier request
   * does not store it again: that request rejects with `IDENTITY_CHANGED`.
   *
   * @throws {LatchkeyError} `KEYSTORE_UNAVAILABLE`: it is still stored
   */
  forgetSession(): Promise<void>
}

/** The client plugin's exact type, as that of `latchkeyClient`. */
export interface LatchkeyExpoClientPlugin extends Omit<LatchkeyClientPlugin, 'getActions'> {
  /** Adds `$latchkey` and `$latchkeyExpo`. */
  readonly getActions: (...args: Parameters<LatchkeyClientPlugin['getActions']>) => LatchkeyExpoAuthClient
}

/**
 * Creates the plugin for `createAuthClient` of a native app. It replaces `latchkeyClient` and must come after
 * `expoClient`. While `auth.upgrade` runs, it opens the browser for `signIn.social` and `signIn.oauth2` instead of
 * `expoClient`: a refusal in the deep link, or a browser that the user closes, becomes a result of the upgrade. It also
 * removes the callback URLs from a link that is followed, since only then does the app receive the session. At any
 * other time it changes no request; it only refuses responses to the session that `forgetSession` deleted.
 */
export function latchkeyExpoClient(options: LatchkeyExpoClientOptions): LatchkeyExpoClientPlugin {
  const base = latchkeyClient(options)
  let connection: LatchkeyConnection | undefined
  const forgetting: Forgetting = { count: 0, running: undefined }
  return {
    ...base,
    fetchPlugins: [...base.fetchPlugins, nativeSignIn(() => connection, options), refuseLateResponses(forgetting)],
    getActions(...args) {
      const actions = base.getActions(...args)
      const { fetch } = (connection = actions.$latchkey())
      return { ...actions, $latchkeyExpo: () => ({ forgetSession: () => forget(forgetting, fetch) }) }
    },
  }
}

/** Marks a request after which this plugin opens the browser, in its options. */
const OPENS: unique symbol = Symbol('opens the browser')

function nativeSignIn(
  connected: () => LatchkeyConnection | undefined,
  { WebBrowser, webBrowserOptions }: LatchkeyExpoClientOptions,
): FetchPlugin {
  const isRunning = (): boolean => connected()?.proofState.current != null
  return {
    id: 'latchkey-expo',
    name: 'latchkey-expo',
    init: async (url, options = {}) => (isRunning() ? prepared(url, options) : { url, options }),
    hooks: {
      async onSuccess({ data, request, response }) {
        if (isRunning() && isFollowed(request)) refuseFailedLink(response.url)
        const { [OPENS]: callbackURL } = request as { [OPENS]?: string }
        const { url } = (data ?? {}) as { readonly url?: unknown }
        if (callbackURL === undefined || typeof url !== 'string') return
        const { fetch, baseURL } = connected()!
        const setCookie = response.headers.get('set-cookie')
        const signIn = { url, callbackURL, baseURL, setCookie }
        await keepCookie(fetch, await signInByBrowser(WebBrowser, signIn, webBrowserOptions))
      },
      onError({ request, response }) {
        // The server reports a link that is used up or expired by a redirect, in any case.
        if (isRunning() && isFollowed(request)) refuseFailedLink(response.headers.get('location') ?? response.url)
      },
    } satisfies Hooks,
  }
}

const BY_BROWSER = /\/sign-in\/(social|oauth2)(\?|$)/

/** Prepares a request of a running upgrade. */
function prepared(url: string, options: Options): { url: string; options: Options } {
  const { body, query } = options as { body?: unknown; query?: Record<string, unknown> }
  if (isLink(url, options))
    return { url: withoutPages(url), options: { ...options, ...(query && { query: queryWithoutPages(query) }) } }
  const { callbackURL, disableRedirect, idToken } = (body ?? {}) as Record<string, unknown>
  if (!BY_BROWSER.test(url) || typeof callbackURL !== 'string' || disableRedirect || idToken) return { url, options }
  if (callbackURL.startsWith('/')) throw new TypeError('latchkeyExpoClient: must come after expoClient in plugins')
  // Without a page of its own, a refusal would stay in the browser.
  const changed = { errorCallbackURL: callbackURL, ...(body as object), disableRedirect: true }
  return { url, options: { ...options, body: changed, [OPENS]: callbackURL } as Options }
}

function isLink(url: string, { method = 'GET', query }: Options & { readonly query?: unknown }): boolean {
  return method === 'GET' && (/[?&]token=/.test(url) || 'token' in ((query ?? {}) as object))
}

function isFollowed({ url, method }: { readonly url: string | URL; readonly method?: string }): boolean {
  return method === 'GET' && parameterOf(String(url), 'token') !== null
}

/** @throws {LatchkeyError} the error in the URL that the server redirects to */
function refuseFailedLink(target: string | null): void {
  const code = parameterOf(target ?? '', 'error')
  if (code !== null) throw toFailure({ status: 400, code })
}

/** Gives `expoClient` the cookies of a deep link, as if a server had just set them. It stores them with the others. */
async function keepCookie(fetch: LatchkeyConnection['fetch'], setCookie: string): Promise<void> {
  const { error } = await unsent(fetch, '/latchkey/session', 'GET', { 'set-cookie': setCookie })
  if (error) throw new LatchkeyError('SESSION_NOT_KEPT', undefined, error)
}

/** Marks a request that no server receives, in its options. */
const UNSENT: unique symbol = Symbol('unsent')

/** Lets a request pass the client's plugins, and answers it here. Returns the headers that a server would have got. */
async function unsent(
  fetch: LatchkeyConnection['fetch'],
  path: string,
  method: 'GET' | 'POST',
  answered: Record<string, string> = {},
): Promise<{ readonly error: unknown; readonly sent: Headers }> {
  const headers = new Headers({ 'content-type': 'application/json', ...answered })
  const response = { ok: true, status: 200, headers, text: async () => '{}' } as Response
  let sent = new Headers()
  const customFetchImpl = async (_: unknown, init: RequestInit = {}): Promise<Response> => {
    sent = new Headers(init.headers)
    return response
  }
  const body = method === 'POST' ? { body: {} } : {}
  const options = { method, ...body, customFetchImpl, [OWN]: true, [UNSENT]: true }
  const { error } = (await fetch(path, options as never)) as { error: unknown }
  return { error, sent }
}

/** How often the session was deleted, and the deletion that is running. */
interface Forgetting {
  count: number
  running: Promise<void> | undefined
}

async function forget(forgetting: Forgetting, fetch: LatchkeyConnection['fetch']): Promise<void> {
  forgetting.running = deleteSession(fetch).then(() => void forgetting.count++)
  await forgetting.running
}

async function deleteSession(fetch: LatchkeyConnection['fetch']): Promise<void> {
  // `expoClient` deletes its cookies and its copy of the session before it sends a sign-out.
  await unsent(fetch, '/sign-out', 'POST')
  // It only logs that the keychain failed.
  const { sent } = await unsent(fetch, '/latchkey/session', 'GET')
  if (sent.get('cookie')) throw new LatchkeyError('KEYSTORE_UNAVAILABLE', 'the session was not deleted')
}

/** A response to a request of the session before its deletion would store its cookies again. */
function refuseLateResponses(forgetting: Forgetting): FetchPlugin {
  return {
    id: 'latchkey-expo-forget',
    name: 'latchkey-expo-forget',
    async init(url, options = {}) {
      if (UNSENT in options) return { url, options }
      const { count } = forgetting
      const customFetchImpl: typeof fetch = async (...given) => {
        const response = await (options.customFetchImpl ?? fetch)(...given)
        await forgetting.running?.catch(() => {})
        if (forgetting.count !== count) throw new LatchkeyError('IDENTITY_CHANGED')
        return response
      }
      return { url, options: { ...options, customFetchImpl } }
    },
  }
}
