import { LatchkeyError } from '../../lib/index.ts'
import { toFailure } from '../better-auth/client/failures.ts'
import { parameterOf } from './link.ts'

/** The part of `expo-web-browser` that is used. */
export interface WebBrowserModule {
  /** Opens a page, and waits until it leads back to the app or is closed. */
  openAuthSessionAsync(url: string, redirectUrl?: string | null, options?: object): Promise<AuthSessionResult>
  /** Closes the page. */
  dismissAuthSession?(): unknown
}

/** The result of a sign-in in the browser. */
export interface AuthSessionResult {
  /** `success`, or why the browser was closed. */
  readonly type: string
  /** The deep link, if it succeeded. */
  readonly url?: string
}

/** A sign-in that continues in the browser. */
export interface BrowserSignIn {
  /** The provider's page. */
  readonly url: string
  /** The deep link that ends it. */
  readonly callbackURL: string
  /** Better Auth's base URL. */
  readonly baseURL: string
  /** `Set-Cookie` of the response that began it. */
  readonly setCookie: string | null
}

/**
 * Opens the browser for a sign-in, and waits until it is closed.
 *
 * @returns the cookies of the session, as in `Set-Cookie`
 * @throws {LatchkeyError} `UPGRADE_CANCELLED`: the user closed the browser; `PRINCIPAL_TAKEN` and others: what the
 *   server said in the deep link; `SESSION_NOT_KEPT`: the deep link brought no session
 */
export async function signInByBrowser(
  browser: WebBrowserModule,
  signIn: BrowserSignIn,
  options?: object,
): Promise<string> {
  // An earlier browser session that Android still holds would answer instead of this one.
  attempted(() => browser.dismissAuthSession?.())
  const { type, url = '' } = await browser.openAuthSessionAsync(proxyOf(signIn), signIn.callbackURL, options)
  if (type === 'cancel' || type === 'dismiss') throw new LatchkeyError('UPGRADE_CANCELLED', 'the browser was closed')
  if (type !== 'success') throw new LatchkeyError('PROVIDER_REFUSED', `the browser answered ${type}`)
  const error = parameterOf(url, 'error')
  if (error !== null) throw toFailure({ status: 400, code: error })
  const cookie = parameterOf(url, 'cookie')
  if (cookie === null)
    throw new LatchkeyError('SESSION_NOT_KEPT', 'the deep link has no cookie: is the plugin expo() on the server?')
  return cookie
}

/** The server's plugin `expo()` gives the browser the cookie of this sign-in there, and redirects to the provider. */
function proxyOf({ url, baseURL, setCookie }: BrowserSignIn): string {
  const state = /\.oauth_state=([^;]+)/.exec(setCookie ?? '')?.[1]
  const query = `authorizationURL=${encodeURIComponent(url)}${state ? `&oauthState=${encodeURIComponent(state)}` : ''}`
  return `${baseURL}/expo-authorization-proxy?${query}`
}

function attempted(work: () => unknown): void {
  try {
    work()
  } catch {}
}
