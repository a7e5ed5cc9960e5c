import type { Auth } from '../../lib/index.ts'
import { LatchkeyError, openDeviceKey, parseSecret } from '../../lib/profile.ts'
import { JAZZ_PROFILE } from './claims.ts'
import { type JazzKey, type JazzKeyOptions, type JazzTokenInput, openJazzKey } from './key.ts'

/** The methods of `Auth` that are used. */
export type JazzAuth = Pick<Auth, 'getState' | 'exportSecret' | 'deriveKey'>

/** Options of {@link openJazzIdentity}. */
export interface JazzIdentityOptions extends JazzKeyOptions {
  /** One of `session.principals`: an account may have adopted the identity. Defaults to `session.principal`. */
  readonly principal?: string
}

/** The current device identity in Jazz. Made by {@link openJazzIdentity}. */
export interface JazzIdentity extends JazzKey {
  /** The principal of the same secret in Latchkey. */
  readonly principal: string
  /** For the option `secret` of Jazz's client. Never log or send it. */
  readonly secret: string
}

/**
 * Opens the Jazz identity of the current device identity, for a Jazz client and for your own servers. From then on,
 * data depends on the secret: a sign-out sets the identity aside. It deletes it only if the account is recoverable and
 * a backup without an end was shown to work: `unlockData` then brings it back.
 *
 * @throws {LatchkeyError} `IDENTITY_UNKNOWN`: this device does not have the secret; `SECRET_HARDENED`: the secret was
 *   replaced by keys that cannot be copied; `KEYSTORE_*`, `CRYPTO_UNAVAILABLE`
 */
export async function openJazzIdentity(auth: JazzAuth, options: JazzIdentityOptions = {}): Promise<JazzIdentity> {
  const asked = options.principal ?? auth.getState().session?.principal
  if (asked === undefined) throw new LatchkeyError('IDENTITY_UNKNOWN')
  const secret = await auth.exportSecret({ principal: asked })
  const { principal } = await openDeviceKey(parseSecret(secret), options.crypto)
  const key = await openJazzKey(secret, options)
  // The derived key is not used: this records that data depends on the secret, so that it is not deleted.
  await auth.deriveKey(JAZZ_PROFILE, { principal })
  return {
    ...key,
    principal,
    secret,
    async mintToken(input: JazzTokenInput): Promise<string> {
      // Rejects once another identity is current: its requests must not be those of the user before.
      if (!auth.getState().session?.principals.includes(principal)) throw new LatchkeyError('IDENTITY_CHANGED')
      return key.mintToken(input)
    },
  }
}
