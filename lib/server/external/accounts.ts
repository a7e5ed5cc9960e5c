import { LatchkeyError } from '../../errors.ts'
import { decodeJws } from '../../tokens/decode.ts'
import type { ExternalVerifier } from './issuer-sources.ts'
import { MAX_EXTERNAL_TOKEN_CHARACTERS, createExternalVerifiers } from './verifier.ts'
import { type ExternalIssuer, ownIssuer } from './options.ts'

/** Size of the cache of verified tokens, for each issuer. */
const CACHED_TOKENS = 10_000

/** An account at an external provider, read from a verified token. */
export interface ExternalAccount {
  /** The first of the issuer's configured names. */
  readonly issuer: string
  readonly subject: string
  /** Expiry of the token, in seconds since 1970. */
  readonly expiresAt: number
  /** All claims of the token. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** Verifies tokens of external providers. Made by {@link createExternalAccounts}. */
export interface ExternalAccounts {
  /**
   * Verifies a token and returns its account.
   *
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  verify(token: string): Promise<ExternalAccount>
}

/**
 * Creates the verifier for external providers. Each token goes to the issuer that its `iss` names, and to no other.
 *
 * @param clock - returns milliseconds since 1970
 * @throws {TypeError} an option is invalid, or an issuer is listed twice
 */
export function createExternalAccounts(
  issuers: readonly ExternalIssuer[],
  clock: () => number = Date.now,
): ExternalAccounts {
  const verifiers = new Map<unknown, ExternalVerifier>()
  for (const external of issuers) {
    // Aliases are not bound here. The other checks for an issuer that runs Latchkey apply.
    const rules = { ...(external.aliases ? ownIssuer(external) : external), aliases: false }
    for (const [name, verifier] of createExternalVerifiers(rules, clock, CACHED_TOKENS)) {
      if (verifiers.has(name)) throw new TypeError('issuers: an issuer is listed twice')
      verifiers.set(name, verifier)
    }
  }
  return {
    async verify(token) {
      const jws = decodeJws(token, MAX_EXTERNAL_TOKEN_CHARACTERS)
      const verifier = verifiers.get(jws.claims['iss'])
      if (!verifier) throw new LatchkeyError('ISSUER_UNKNOWN')
      const { claims } = await verifier.verify(token, jws)
      return readAccount(verifier.issuers[0]!, claims)
    },
  }
}

function readAccount(issuer: string, claims: ExternalAccount['claims']): ExternalAccount {
  const { sub, exp } = claims
  if (typeof sub !== 'string' || !sub || typeof exp !== 'number') throw new LatchkeyError('TOKEN_CLAIM_INVALID')
  // An account that the provider itself calls anonymous cannot be recovered.
  if (claims['is_anonymous'] === true) throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
  // A device that another Latchkey server knows is not an account there.
  if (claims['auth_mode'] === 'local-first') throw new LatchkeyError('TOKEN_NOT_AN_ACCOUNT')
  return { issuer, subject: sub, expiresAt: exp, claims }
}
