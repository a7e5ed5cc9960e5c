import { type OptionNames, checkOptionNames } from '../../lib/server-kit.ts'
import { LatchkeyError, type ProfileSession, type TokenProfile } from '../../lib/server.ts'
import { JAZZ_ANONYMOUS_ISSUER, JAZZ_LOCAL_FIRST_ISSUER } from './claims.ts'
import { type JazzVerifierOptions, type VerifiedJazzToken, createJazzVerifier } from './verify.ts'

/** Options of {@link jazzTokens}. */
export interface JazzTokensOptions extends Pick<JazzVerifierOptions, 'audience' | 'longestLifetime'> {
  /**
   * Returns whether a Jazz user id may still sign in with its own key. It may not once an account has taken it over.
   *
   * @param publicKey - base64url, 43 characters
   * @returns `disabled` to refuse the token
   */
  readonly lookup?: (userId: string, publicKey: string) => Promise<'active' | 'disabled'>
  /** Required if there is no `lookup`: keys may still sign in after an upgrade. */
  readonly afterUpgrade?: 'allow'
  /** `deny` refuses local-first tokens as `disabled`, and accepts anonymous ones only. Defaults to `allow`. */
  readonly localFirst?: 'allow' | 'deny'
}

const OPTIONS: OptionNames<JazzTokensOptions> = {
  audience: true,
  longestLifetime: true,
  lookup: true,
  afterUpgrade: true,
  localFirst: true,
}

/** The form of a Jazz user id, a UUIDv5 (RFC 9562 §5.5). */
const USER_ID = /^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i

/**
 * Accepts tokens of the profile `jazz/2` in `createSessionResolver({ profiles: [jazzTokens(…)] })`, beside local-first
 * and external ones. The principal of the session is the Jazz user id. An anonymous token counts as no credential.
 *
 * @throws {TypeError} an option is unknown or invalid; `localFirst` is `allow` and there is neither `lookup` nor
 *   `afterUpgrade`
 */
export function jazzTokens(options: JazzTokensOptions): TokenProfile {
  checkOptionNames('jazzTokens.', options, OPTIONS)
  const { audience, longestLifetime, lookup, afterUpgrade, localFirst = 'allow' } = options
  const rules = { audience, ...(longestLifetime !== undefined && { longestLifetime }) }
  if (localFirst !== 'allow' && localFirst !== 'deny') throw new TypeError('localFirst: expected allow or deny')
  if (localFirst === 'allow' && !lookup && afterUpgrade !== 'allow')
    throw new TypeError("jazzTokens: set `lookup`, or afterUpgrade: 'allow'")
  // Before a resolver opens it: a mistake is reported where it was made.
  createJazzVerifier(rules)
  return {
    issuers: [JAZZ_LOCAL_FIRST_ISSUER, JAZZ_ANONYMOUS_ISSUER],
    isPrincipal: (text) => USER_ID.test(text),
    open({ clock, cacheSize }) {
      const verifier = createJazzVerifier({ ...rules, clock, cacheSize })
      return {
        isKnown: verifier.isKnown,
        async verify(token, jws): Promise<ProfileSession | null> {
          if (localFirst === 'deny' && jws?.claims['iss'] === JAZZ_LOCAL_FIRST_ISSUER)
            throw new LatchkeyError('LOCAL_FIRST_DISABLED')
          return sessionOf(await verifier.verify(token), lookup)
        },
      }
    },
  }
}

async function sessionOf(
  { authMode, userId, publicKey, claims }: VerifiedJazzToken,
  lookup: JazzTokensOptions['lookup'],
): Promise<ProfileSession | null> {
  if (authMode === 'anonymous') return null
  if (lookup && (await lookup(userId, publicKey)) !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
  return { principal: userId, claims }
}
