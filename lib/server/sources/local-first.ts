import { LatchkeyError } from '../../errors.ts'
import { createTokenVerifier } from '../../tokens/verify.ts'
import { ownedSession } from '../session.ts'
import type { ServerSession } from '../types.ts'

/** Local-first tokens: what they must say, and what happens to them once their principal has an account. */
export interface LocalFirstOptions {
  /** `aud`: this app's URL or id. */
  readonly audience: string | readonly string[]
  /**
   * Says whether the device key is still a way in. Once its account can be recovered without it, it is not.
   *
   * @returns `disabled` to refuse the token
   */
  readonly lookup?: (principal: string, thumbprint: string) => Promise<'active' | 'disabled'>
  /** Without a lookup this has to be said: the device key stays a way in, also after the upgrade. */
  readonly afterUpgrade?: 'allow'
}

/** @throws {TypeError} neither `lookup` nor `afterUpgrade: 'allow'`, or an option is invalid */
export function createLocalFirstSource(
  { audience, lookup, afterUpgrade }: LocalFirstOptions,
  clock: () => number,
  cacheSize: number,
): (token: string) => Promise<ServerSession> {
  if (!lookup && afterUpgrade !== 'allow')
    throw new TypeError("localFirst: give a `lookup`, or say afterUpgrade: 'allow'")
  const verifier = createTokenVerifier({ audience, clock, cacheSize })
  return async (token) => {
    const { principal, thumbprint, claims } = await verifier.verify(token)
    if (lookup && (await lookup(principal, thumbprint)) !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
    return ownedSession('local-first', principal, [], claims)
  }
}
