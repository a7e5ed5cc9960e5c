import { encodeBase64url } from '../../../lib/server-kit.ts'

/** Number of bytes of a derived id. */
const ID_BYTES = 16

/**
 * Returns the claim `sid` of a session's tokens: base64url of the first 16 bytes of SHA-256("latchkey/v1/sid" ‖ id of
 * the session). It identifies the session and gives no access to it.
 */
export function sidOf(sessionId: string): Promise<string> {
  return derivedId('latchkey/v1/sid', sessionId)
}

/**
 * Returns the tag of an installation's sessions: base64url of the first 16 bytes of SHA-256("latchkey/v1/device" ‖
 * value of the cookie ‖ 0 ‖ id of the user). Two users of one browser have different tags.
 */
export function tagOf(cookie: string, userId: string): Promise<string> {
  return derivedId('latchkey/v1/device', `${cookie}\0${userId}`)
}

async function derivedId(label: string, text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(label + text))
  return encodeBase64url(new Uint8Array(digest, 0, ID_BYTES))
}
