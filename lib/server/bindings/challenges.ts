import { decodeBase64url, encodeBase64url, isBase64url } from '../../identity/base64url.ts'
import type { Purpose } from '../../tokens/claims.ts'
import { hmacKey } from './hmac-key.ts'

/** What a nonce can be asked for. Giving an alias up needs no device key, and so no proof. */
export type ChallengePurpose = Purpose | 'unlink'

/** How long a nonce can be used, in milliseconds. A proof lasts at most two minutes. */
const LIFETIME_MS = 120_000

const encoder = new TextEncoder()

/** Issues nonces for one act in one session. The server keeps nothing until a nonce is used. */
export interface Challenges {
  /**
   * @param session - what the nonce is bound to; empty where the act needs no session
   * @returns the nonce, and when it lapses (milliseconds since 1970)
   */
  issue(purpose: ChallengePurpose, session: string): Promise<{ readonly nonce: string; readonly expiresAt: number }>
  /** @returns when the nonce lapses, or null: it was issued for something else, has lapsed, or was made up */
  check(nonce: string, purpose: ChallengePurpose, session: string): Promise<Date | null>
}

/**
 * Makes what issues and checks nonces.
 *
 * @param secret - of the server; every process that shares it takes the nonces of the others
 */
export function createChallenges(secret: string, clock: () => number): Challenges {
  const key = hmacKey('challenge', secret)
  const input = (head: string, purpose: ChallengePurpose, session: string): Uint8Array<ArrayBuffer> =>
    encoder.encode(JSON.stringify([head, purpose, session]))

  return {
    async issue(purpose, session) {
      const expiresAt = clock() + LIFETIME_MS
      const head = `${encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))}.${expiresAt}`
      const mac = await crypto.subtle.sign('HMAC', await key, input(head, purpose, session))
      return { nonce: `${head}.${encodeBase64url(new Uint8Array(mac))}`, expiresAt }
    },
    async check(nonce, purpose, session) {
      const [, head = '', expires = '', mac = ''] = /^([\w-]{22}\.(\d{1,16}))\.([\w-]{43})$/.exec(nonce) ?? []
      // In one spelling alone: a nonce is used up by its text.
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
