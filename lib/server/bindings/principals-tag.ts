import { encodeBase64url, utf8 } from '../../identity/encoding.ts'
import { hmacKey } from './hmac-key.ts'

/** Computes the claim `principals_tag`. Made by {@link createPrincipalsTag}. */
export type PrincipalsTag = (principal: string, aliases: readonly string[]) => Promise<string>

/**
 * Makes what computes a text that changes with the list of an account's principals, and that equals no principal: a
 * sync engine that shares a live view between queries that differ only in a list gets a scalar to compare. It is keyed,
 * so that a user cannot compute the tag of another account.
 *
 * @param secret - of the server; every process that shares it computes the same tags
 */
export function createPrincipalsTag(secret: string): PrincipalsTag {
  const key = hmacKey('principals', secret)
  return async (principal, aliases) => {
    const list = utf8(JSON.stringify([principal, ...aliases.toSorted()]))
    return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', await key, list)))
  }
}
