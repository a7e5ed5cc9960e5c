import type { Awaitable } from '../../awaitable.ts'
import { type LatchkeyErrorCode, isLatchkeyError } from '../../errors.ts'
import { type OptionNames, checkNotUnset, checkOptionNames } from '../../option-names.ts'
import type { ExternalIssuer, IssuerSource } from './options.ts'
import type { DecodedJws } from '../../tokens/decode.ts'
import type { ServerSession } from '../types.ts'

/** Verifies one issuer's tokens. */
export interface ExternalVerifier {
  readonly issuers: readonly string[]
  /** Returns true if this exact token was verified before: it can be routed without being parsed. */
  isKnown(token: string): boolean
  /**
   * Verifies a token and returns its session; at once where it can. Also throws at once.
   *
   * @param jws - the same token, if it was decoded already
   * @throws {LatchkeyError} `TOKEN_*`, `KEYS_UNAVAILABLE`, `PRINCIPAL_DISABLED`
   */
  verify(token: string, jws?: DecodedJws): Awaitable<ServerSession>
}

const SOURCE_OPTIONS: OptionNames<IssuerSource> = {
  jwksUrl: true,
  certificatesUrl: true,
  publicKey: true,
  audience: true,
  algorithms: true,
  timeout: true,
  fetch: true,
}
const ISSUER_OPTIONS: OptionNames<ExternalIssuer> = {
  ...SOURCE_OPTIONS,
  issuer: true,
  sources: true,
  authorizedParties: true,
  allowMissingParty: true,
  type: true,
  clients: true,
  requiredClaims: true,
  isAccount: true,
  principal: true,
  aliases: true,
  lookup: true,
  lookupSession: true,
  clockTolerance: true,
}

const SOURCE_CHECKS = ['audience', 'algorithms'] as const satisfies readonly (keyof IssuerSource)[]
const ISSUER_CHECKS = [
  ...SOURCE_CHECKS,
  'authorizedParties',
  'clients',
  'requiredClaims',
  'isAccount',
  'lookup',
  'lookupSession',
] as const satisfies readonly (keyof ExternalIssuer)[]

/** Each source may cost a signature check or a fetch for one forged token. */
const MOST_SOURCES = 8

/**
 * Returns the options of an issuer once for each of its key sources.
 *
 * @throws {TypeError} an option is unknown, or a check is undefined; the list of sources is empty or too long, or there
 *   is a key beside it
 */
export function eachSource(given: ExternalIssuer): readonly ExternalIssuer[] {
  checkOptionNames('external.', given, ISSUER_OPTIONS)
  checkNotUnset('external.', given, ISSUER_CHECKS)
  const { sources, ...options } = given
  if (sources === undefined) return [options]
  if (sources.length === 0 || sources.length > MOST_SOURCES)
    throw new TypeError(`external.sources: expected 1 to ${MOST_SOURCES}`)
  if ([options.jwksUrl, options.certificatesUrl, options.publicKey].some((key) => key !== undefined))
    throw new TypeError('external.sources: expected no other option beside it')
  for (const source of sources) {
    checkOptionNames('external.sources.', source, SOURCE_OPTIONS)
    checkNotUnset('external.sources.', source, SOURCE_CHECKS)
  }
  return sources.map(({ jwksUrl, certificatesUrl, publicKey, audience, algorithms, timeout, fetch }) => ({
    ...options,
    ...(jwksUrl !== undefined && { jwksUrl }),
    ...(certificatesUrl !== undefined && { certificatesUrl }),
    ...(publicKey !== undefined && { publicKey }),
    ...(audience !== undefined && { audience }),
    ...(algorithms !== undefined && { algorithms }),
    ...(timeout !== undefined && { timeout }),
    ...(fetch !== undefined && { fetch }),
  }))
}

/** Creates the verifier of an issuer with several sources: a token has to satisfy all rules of one of them. */
export function anyOf(verifiers: readonly ExternalVerifier[]): ExternalVerifier {
  const [first] = verifiers as readonly [ExternalVerifier, ...ExternalVerifier[]]
  if (verifiers.length === 1) return first
  // It is tried first: a source that does not answer would delay each new token of the others.
  let latest = first
  return {
    issuers: first.issuers,
    isKnown: (token) => verifiers.some((verifier) => verifier.isKnown(token)),
    async verify(token, jws) {
      const failures = new Map<ExternalVerifier, unknown>()
      for (const verifier of likelyFirst(verifiers, token, latest)) {
        try {
          const session = await verifier.verify(token, jws)
          latest = verifier
          return session
        } catch (error) {
          failures.set(verifier, error)
        }
      }
      throw mostTelling(verifiers.map((verifier) => failures.get(verifier)))
    },
  }
}

/** First the source that knows the token, then the one that verified the latest. */
function likelyFirst(
  verifiers: readonly ExternalVerifier[],
  token: string,
  latest: ExternalVerifier,
): readonly ExternalVerifier[] {
  const rank = (verifier: ExternalVerifier): number => 2 * Number(verifier.isKnown(token)) + Number(verifier === latest)
  return verifiers.toSorted((left, right) => rank(right) - rank(left))
}

/** What a source says about a token that its keys did not sign. */
const OF_OTHER_KEYS: readonly LatchkeyErrorCode[] = [
  'TOKEN_KEY_UNKNOWN',
  'TOKEN_SIGNATURE_INVALID',
  'TOKEN_ALGORITHM_FORBIDDEN',
]

/** The source whose key signed the token decides; a source that could not be asked may be that one. */
function mostTelling(failures: readonly unknown[]): unknown {
  const isForeign = (error: unknown): boolean => OF_OTHER_KEYS.some((code) => isLatchkeyError(error, code))
  const isUnknown = (error: unknown): boolean => isLatchkeyError(error, 'KEYS_UNAVAILABLE')
  const signers = failures.filter((error) => !isForeign(error) && !isUnknown(error))
  const strongest = (code: LatchkeyErrorCode): unknown => failures.find((error) => isLatchkeyError(error, code))
  return signers[0] ?? failures.find(isUnknown) ?? strongest('TOKEN_SIGNATURE_INVALID') ?? failures[0]
}
