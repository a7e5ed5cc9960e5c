import { decodeBase64url, encodeBase64url, isBase64url, utf8 } from '../../identity/encoding.ts'
import type { Purpose } from '../../tokens/claims.ts'
import { hmacKey } from './hmac-key.ts'

/** Purposes of a nonce. `unlink` (removing an alias) needs no device key and therefore no proof. */
export type ChallengePurpose = Purpose | 'unlink'

/** Lifetime of a nonce, in milliseconds. A proof lasts at most two minutes. */
const LIFETIME_MS = 120_000

/** Issues nonces, each for one purpose in one session. The server stores nothing until a nonce is used. */
export interface Challenges {
  /**
   * @param session - the session that the nonce is bound to; empty if the purpose needs none
   * @returns the nonce and its expiry (milliseconds since 1970)
   */
  issue(purpose: ChallengePurpose, session: string): Promise<{ readonly nonce: string; readonly expiresAt: number }>
  /** @returns the nonce's expiry, or null if it is forged, expired or issued for another purpose or session */
  check(nonce: string, purpose: ChallengePurpose, session: string): Promise<Date | null>
}

/**
 * Creates the issuer and checker of nonces.
 *
 * @param secret - the server's secret; processes that share it accept each other's nonces
 */
export function createChallenges(secret: string, clock: () => number): Challenges {
  const key = hmacKey('challenge', secret)
  const input = (head: string, purpose: ChallengePurpose, session: string): Uint8Array<ArrayBuffer> =>
    utf8(JSON.stringify([head, purpose, session]))

  return {
    async issue(purpose, session) {
      // Digits only: a clock may count fractions of milliseconds.
      const expiresAt = Math.floor(clock()) + LIFETIME_MS
      const head = `${encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))}.${expiresAt}`
      const mac = await crypto.subtle.sign('HMAC', await key, input(head, purpose, session))
      return { nonce: `${head}.${encodeBase64url(new Uint8Array(mac))}`, expiresAt }
    },
    async check(nonce, purpose, session) {
      const [, head = '', expires = '', mac = ''] = /^([\w-]{22}\.(\d{1,16}))\.([\w-]{43})$/.exec(nonce) ?? []
      // Only one spelling is accepted: a nonce is marked as used by its text.
      if (
        !head ||
        !isBase64url(mac) ||
        !(await crypto.subtle.verify('HMAC', await key, decodeBase64url(mac), input(head, purpose, session)))
      )
        return null
      return Number(expires) > clock() ? new Date(Number(expires)) : null
    },
  }
}
