import type { AccountProvider } from '../../lib/index.ts'
import { betterAuthAccount, latchkeyClient } from '../better-auth/client/index.ts'
import { loadPackage } from './load-package.ts'

/** An account with a password at Better Auth. */
export interface Credentials {
  readonly email: string
  readonly password: string
  /** Defaults to the e-mail address. */
  readonly name?: string
  /** Base URL of Better Auth. Defaults to `/api/auth` on the app's origin. */
  readonly baseURL?: string
}

/** What a {@link SignIn} gets. */
export interface SignInPlace {
  /** Sends and stores the device's cookies, as a page of the app does. */
  readonly fetch: typeof fetch
  /** The app's origin. */
  readonly origin: string
}

/** How a device gets its account. */
export interface SignInSteps {
  /** The account provider, as the app passes it to `createAuth`. */
  readonly account: AccountProvider
  /** Signs up, or in if the account exists: what the app passes to `auth.upgrade`. */
  readonly run: () => unknown
}

/**
 * Signs a device up or in before the app starts, for an account provider other than Better Auth. Runs in Node, where
 * the account's client must use `fetch` of the place.
 */
export type SignIn = (place: SignInPlace) => SignInSteps | Promise<SignInSteps>

/** Makes the steps for an account. */
export function stepsOf(account: Credentials | SignIn, place: SignInPlace): SignInSteps | Promise<SignInSteps> {
  return typeof account === 'function' ? account(place) : betterAuthSteps(account, place)
}

async function betterAuthSteps(
  { email, password, name = email, baseURL }: Credentials,
  { fetch, origin }: SignInPlace,
): Promise<SignInSteps> {
  // Better Auth is an optional peer: only this needs it.
  const { createAuthClient } = await loadPackage('better-auth', import('better-auth/client'))
  const client = createAuthClient({
    baseURL: new URL(baseURL ?? '/api/auth', origin).href,
    fetchOptions: { customFetchImpl: fetch },
    plugins: [latchkeyClient()],
  })
  return {
    account: betterAuthAccount(client),
    async run() {
      const signUp = await client.signUp.email({ email, password, name })
      return signUp.error?.code?.startsWith('USER_ALREADY_EXISTS') ? client.signIn.email({ email, password }) : signUp
    },
  }
}
