import type { AccountProvider, Auth, AuthOptions } from '../../lib/index.ts'
import { createAuthOn, nobleSuite } from '../../lib/platform.ts'
import { betterAuthAccount } from '../better-auth/client/index.ts'
import { endSession } from '../better-auth/client/requests.ts'
import type { LatchkeyExpoAuthClient } from './client-plugin.ts'
import { type GetRandomValues, completeEngine } from './engine.ts'
import { type AppStateModule, type NetworkModule, nativePlatform } from './native-events.ts'
import { type SecureStoreOptions, secureStore } from './secure-store.ts'

/** Options of {@link createExpoAuth}: the native modules, and the options of `createAuth`. */
export interface ExpoAuthOptions
  extends
    Omit<AuthOptions, 'account' | 'audience' | 'harden' | 'keystore' | 'name'>,
    Pick<SecureStoreOptions, 'SecureStore' | 'FileSystem' | 'name' | 'onReinstall' | 'onForget'> {
  /**
   * `aud` of tokens for the app's own servers, usually the origin of the main one, which `fetch` may then call. A
   * native app has no origin.
   */
  readonly audience: string
  /** Made by `createAuthClient` with `expoClient` and `latchkeyExpoClient` among its plugins. */
  readonly authClient?: LatchkeyExpoAuthClient
  /** Another account provider, instead of `authClient`. */
  readonly account?: AccountProvider
  /** `import { AppState } from 'react-native'`. */
  readonly AppState: AppStateModule
  /** `import * as Network from 'expo-network'`. */
  readonly Network: NetworkModule
  /** `import { getRandomValues } from 'expo-crypto'`. Used if the engine has none. */
  readonly getRandomValues: GetRandomValues
}

/**
 * Opens this device's identity in a native app, and creates one at the first start. The identity is in the iOS keychain
 * or the Android Keystore.
 *
 * @throws {TypeError} an option is missing, unknown or invalid; `getRandomValues` does not return random bytes
 */
export function createExpoAuth(options: ExpoAuthOptions): Auth {
  const { authClient, account, SecureStore, FileSystem, AppState, Network, getRandomValues, ...rest } = options
  const { onReinstall, onForget, name, audience, ...others } = rest
  const modules = { SecureStore, FileSystem, AppState, Network, getRandomValues, audience }
  for (const [name, value] of Object.entries(modules)) if (!value) throw new TypeError(`${name}: required`)
  if (authClient && account) throw new TypeError('account: expected either authClient or account')
  completeEngine(getRandomValues)
  const provider = authClient ? expoAccount(authClient) : account
  return createAuthOn(nativePlatform(AppState, Network))({
    // The engines of native apps have no WebCrypto: trying it and loading the fallback later would only cost time.
    crypto: nobleSuite,
    ...others,
    audience,
    // A native app has no origin of its own: that of its server takes its place.
    audiences: { ...(isOrigin(audience) && { [audience]: audience }), ...others.audiences },
    ...(name !== undefined && { name }),
    ...(provider && { account: provider }),
    keystore: secureStore({
      SecureStore,
      FileSystem,
      ...(name !== undefined && { name }),
      ...(onReinstall !== undefined && { onReinstall }),
      async onForget() {
        await authClient?.$latchkeyExpo().forgetSession()
        await onForget?.()
      },
    }),
    // Text is all that a keychain holds.
    harden: 'never',
  })
}

/** True for an origin of `http` or `https`, as `URL` writes it. */
function isOrigin(audience: string): boolean {
  try {
    return /^https?:/.test(audience) && new URL(audience).origin === audience
  } catch {
    return false
  }
}

/**
 * Better Auth as the account provider. `expoClient` deletes its cookie before it sends a sign-out: one that is lost
 * would leave the session at the server for good. So it is sent under another name, and the server's response deletes
 * the cookie.
 *
 * @throws {TypeError} `latchkeyExpoClient` is not among the plugins of the client
 */
function expoAccount(client: LatchkeyExpoAuthClient): AccountProvider {
  if (typeof client.$latchkeyExpo !== 'function')
    throw new TypeError('authClient: expected latchkeyExpoClient among its plugins')
  const { fetch } = client.$latchkey()
  return { ...betterAuthAccount(client), signOut: (options) => endSession(fetch, options) }
}
