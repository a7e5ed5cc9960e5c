import type { BrowserContextOptions } from '@playwright/test'
import type { Credentials, SignIn } from './sign-in.ts'

/** Options of a device: those of Playwright's `newContext`, and the following. */
export interface DeviceOptions extends BrowserContextOptions {
  /** What messages and recordings call it, such as `phone`. */
  readonly label?: string
  /** The `name` option of the app's `createAuth`. Defaults to `latchkey`. */
  readonly name?: string
  /** How far the clock of the device is ahead of this machine's, in milliseconds; negative if it is behind. */
  readonly clockOffset?: number
  /**
   * The worker scripts of the app (glob patterns or regular expressions of their URLs), which then have the device's
   * clock, too. Service workers need Playwright 1.57 or later, and Chromium.
   */
  readonly workers?: readonly (string | RegExp)[]
  /**
   * The device has this identity before the app starts: its secret (base64url, 43 characters), such as that of
   * `testDevice` in `latchkey/testing`. Needs `baseURL`.
   */
  readonly secret?: string
  /**
   * The device is signed in before the app starts: it signed up with its identity, or in if the account exists. Pass
   * the credentials of an account with a password at Better Auth, or a function for any other account provider. Needs
   * `baseURL`.
   */
  readonly account?: Credentials | SignIn
  /**
   * The app starts with a conflict: the device has an identity with data, and is signed in to an account that has
   * another principal. The account is created if it does not exist. Needs `baseURL`.
   */
  readonly conflictWith?: Credentials | SignIn
  /**
   * True: a browser of its own, which `kill()` and `restart()` end while its storage stays. It starts in a second or
   * two. False, the default: a context of the shared browser.
   */
  readonly ownBrowser?: boolean
  /**
   * Milliseconds that waiting for a state may take. Defaults to two thirds of the test's timeout, so that the error
   * says what the state was.
   */
  readonly timeout?: number
}

/** Options as they are used. */
export interface Settings {
  readonly label: string
  readonly name: string
  readonly timeout: number
  readonly clockOffset: number
  readonly workers: readonly (string | RegExp)[]
  readonly ownBrowser: boolean
  readonly secret: string | undefined
  readonly account: Credentials | SignIn | undefined
  readonly conflictWith: Credentials | SignIn | undefined
  /** For Playwright. */
  readonly context: BrowserContextOptions
}

/** Without a test, whose timeout would be known. */
const DEFAULT_TIMEOUT_MS = 20_000

/**
 * Splits the options into ours and Playwright's.
 *
 * @throws {TypeError} they contradict each other, or one is invalid
 */
export function readOptions({
  label = 'the device',
  name = 'latchkey',
  timeout = DEFAULT_TIMEOUT_MS,
  clockOffset = 0,
  workers = [],
  ownBrowser = false,
  secret,
  account,
  conflictWith,
  ...context
}: DeviceOptions): Settings {
  const isPrepared = secret !== undefined || account !== undefined || conflictWith !== undefined
  if (!Number.isFinite(clockOffset)) throw new TypeError('clockOffset must be a number of milliseconds')
  if (account && conflictWith) throw new TypeError('account and conflictWith exclude each other')
  if (isPrepared && !context.baseURL)
    throw new TypeError('secret, account and conflictWith need baseURL: the origin on which the app will start')
  if (isPrepared && context.storageState)
    throw new TypeError('secret, account and conflictWith exclude storageState, which has an identity already')
  if (ownBrowser && context.storageState) throw new TypeError('ownBrowser and storageState exclude each other')
  return { label, name, timeout, clockOffset, workers, ownBrowser, secret, account, conflictWith, context }
}
