import { LatchkeyError } from '../../errors.ts'
import { createTokenVerifier } from '../../tokens/verify.ts'
import { ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** Options for local-first tokens, and for device keys whose principal has an account. */
export interface LocalFirstOptions {
  /** Expected `aud`: this app's URL or id. */
  readonly audience: string | readonly string[]
  /**
   * Returns whether a device key may still sign in. It may not once its account can be recovered without it.
   *
   * @returns `disabled` to refuse the token
   */
  readonly lookup?: (principal: string, thumbprint: string) => Promise<'active' | 'disabled'>
  /** Required if there is no `lookup`: device keys may still sign in after the upgrade. */
  readonly afterUpgrade?: 'allow'
}

/** @throws {TypeError} neither `lookup` nor `afterUpgrade: 'allow'`, or an option is invalid */
export function createLocalFirstSource(
  { audience, lookup, afterUpgrade }: LocalFirstOptions,
  clock: () => number,
  cacheSize: number,
): (token: string) => Promise<ServerSession> {
  if (!lookup && afterUpgrade !== 'allow') throw new TypeError("localFirst: set `lookup`, or afterUpgrade: 'allow'")
  const verifier = createTokenVerifier({ audience, clock, cacheSize })
  return async (token) => {
    const { principal, thumbprint, claims } = await verifier.verify(token)
    if (lookup && (await lookup(principal, thumbprint)) !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
    return ownedSession('local-first', principal, [], claims)
  }
}
