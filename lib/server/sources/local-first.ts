import { type Awaitable, whenReady } from '../../awaitable.ts'
import { LatchkeyError } from '../../errors.ts'
import type { DecodedJws } from '../../tokens/decode.ts'
import { createTokenCheck } from '../../tokens/verify.ts'
import { type OptionNames, checkOptionNames } from '../../option-names.ts'
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

const LOCAL_FIRST_OPTIONS: OptionNames<LocalFirstOptions> = { audience: true, lookup: true, afterUpgrade: true }

/** Verifies local-first tokens. */
export interface LocalFirstSource {
  /** Returns true if this exact token was verified before. */
  isKnown(token: string): boolean
  /**
   * Verifies a token and returns its session.
   *
   * @param jws - the same token, if it was decoded already
   * @throws {LatchkeyError} `TOKEN_*`, `PRINCIPAL_DISABLED`
   */
  verify(token: string, jws?: DecodedJws): Awaitable<ServerSession>
}

/**
 * @throws {TypeError} neither `lookup` nor `afterUpgrade: 'allow'`, or an option is invalid
 * @throws {LatchkeyError} `VERIFIER_UNAVAILABLE`
 */
export function createLocalFirstSource(
  options: LocalFirstOptions,
  clock: () => number,
  cacheSize: number,
  verifier?: 'native',
): LocalFirstSource {
  checkOptionNames('localFirst.', options, LOCAL_FIRST_OPTIONS)
  const { audience, lookup, afterUpgrade } = options
  if (!lookup && afterUpgrade !== 'allow') throw new TypeError("localFirst: set `lookup`, or afterUpgrade: 'allow'")
  const tokens = createTokenCheck({ audience, clock, cacheSize, verifier })
  return {
    isKnown: tokens.isKnown,
    verify: (token, jws) =>
      whenReady(tokens.verify(token, jws), ({ principal, thumbprint, claims }) =>
        whenReady(lookup ? lookup(principal, thumbprint) : 'active', (status) => {
          if (status !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
          return ownedSession('local-first', principal, [], claims)
        }),
      ),
  }
}
