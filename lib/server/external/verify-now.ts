import { LatchkeyError } from '../../errors.ts'
import type { DecodedJws } from '../../tokens/decode.ts'
import { checkClaims } from './claims.ts'
import type { IssuerKey } from './key-set.ts'
import type { IssuerRules } from './options.ts'

/** What {@link verifyNow} needs of an issuer's rules. */
export type NowRules = Pick<
  IssuerRules,
  'keys' | 'algorithms' | 'issuers' | 'audience' | 'requiredClaims' | 'clockTolerance'
>

/**
 * Verifies a token of the usual form at once: its key was used before, and this runtime can check the signature without
 * waiting. Everything else is left to jose.
 *
 * @param now - whole seconds since 1970
 * @returns the key that verified the token; undefined if jose has to decide
 * @throws {LatchkeyError} `TOKEN_SIGNATURE_INVALID`, or the code of a claim
 */
export function verifyNow(jws: DecodedJws, rules: NowRules, now: number): IssuerKey | undefined {
  const key = keyFor(jws.header, rules)
  if (!key?.check || !Number.isFinite(now)) return undefined
  if (!key.check(jws.input, jws.signature)) throw new LatchkeyError('TOKEN_SIGNATURE_INVALID')
  checkClaims(jws.claims, rules, now)
  return key
}

function keyFor(header: DecodedJws['header'], { keys, algorithms }: NowRules): IssuerKey | undefined {
  const { alg, kid } = header
  if (!algorithms.includes(alg as string)) return undefined
  // RFC 7515 §4.1.11 and RFC 7797: either changes what the signature covers, or what must be understood.
  if ('crit' in header || 'b64' in header) return undefined
  const key = keys.known({ alg, kid })
  return key?.alg === alg ? key : undefined
}
