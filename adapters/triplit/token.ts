import { LatchkeyError } from '../../lib/index.ts'

/** Claims about the token itself, not about its subject. */
const OF_THE_TOKEN: readonly string[] = ['iat', 'exp', 'nbf', 'jti']

/**
 * Returns true if two tokens have the same claims about their subject. The server keeps the claims of the token that a
 * connection started with: other claims need a new connection.
 */
export function haveSameClaims(before: string, after: string): boolean {
  return claimsOf(before) === claimsOf(after)
}

function claimsOf(token: string): string {
  const bytes = Uint8Array.from(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  )
  const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  return JSON.stringify(
    Object.entries(claims)
      .filter(([name]) => !OF_THE_TOKEN.includes(name))
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  )
}

/**
 * Replaces the token of an open connection. The client's own `updateSessionToken` sends the same request, but reports
 * success regardless of the response.
 *
 * @param signal - aborts the request
 * @returns false if the server does not know the connection
 * @throws {LatchkeyError} `OFFLINE`; `SESSION_TOKEN_REFUSED`: the server itself refused it
 */
export async function renew(serverUrl: string, clientId: string, token: string, signal: AbortSignal): Promise<boolean> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const body = JSON.stringify({ clientId })
  const response = await fetch(`${serverUrl}/update-token`, { method: 'POST', headers, body, signal }).catch(() => null)
  const text = (await response?.text().catch(() => null)) ?? ''
  if (signal.aborted || !response) throw new LatchkeyError('OFFLINE', 'no response from the Triplit server')
  if (response.ok && text === ACCEPTED) return true
  const { status } = response
  if (!isRefusal(text, status) || status >= 500)
    throw new LatchkeyError('OFFLINE', 'no response from the Triplit server')
  if (status === 401 || status === 403) throw new LatchkeyError('SESSION_TOKEN_REFUSED')
  return false
}

/** The body with which the server confirms a new token. */
const ACCEPTED = 'OK'

/** True for a `TriplitError` as JSON. A captive portal answers any request with its own page. */
function isRefusal(text: string, status: number): boolean {
  try {
    const error = JSON.parse(text) as { readonly name?: unknown; readonly status?: unknown } | null
    return typeof error?.name === 'string' && (error.status === status || status === 400)
  } catch {
    return false
  }
}
