import { LatchkeyError } from '../../lib/index.ts'

/** Claims that say when a token is good, or which one it is, and not whose. */
const OF_THE_TOKEN: readonly string[] = ['iat', 'exp', 'nbf', 'jti']

/**
 * Tells whether two tokens say the same of a person. The server goes on with the claims of the token that a connection
 * began with: only a new connection takes other ones.
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
 * Gives the server a token for an open connection. The client's own `updateSessionToken` sends the same, and reports
 * success whatever the answer is.
 *
 * @returns false: the server knows no such connection
 * @throws {LatchkeyError} `OFFLINE`, `SESSION_TOKEN_REFUSED`
 */
export async function renew(serverUrl: string, clientId: string, token: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const response = await fetch(`${serverUrl}/update-token`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ clientId }),
  }).catch(() => null)
  if (response?.status === 401 || response?.status === 403) throw new LatchkeyError('SESSION_TOKEN_REFUSED')
  if (!response || response.status >= 500) throw new LatchkeyError('OFFLINE', 'no answer from the Triplit server')
  return response.ok
}
