/** The header that carries tokens by default (RFC 6750 §2.1). */
export const TOKEN_HEADER = 'authorization'

/** What a browser or the transport sets is no place for a token. */
const NO_TOKEN_HEADERS: readonly string[] = ['cookie', 'origin', 'host', 'upgrade', 'connection']

/**
 * Reads the option `tokenHeader`.
 *
 * @returns the name in lower case
 * @throws {TypeError} the name cannot be that of a header for tokens
 */
export function readTokenHeader(name: string = TOKEN_HEADER): string {
  const lower = name.toLowerCase()
  if (!/^[a-z][a-z\d-]*$/.test(lower) || NO_TOKEN_HEADERS.includes(lower))
    throw new TypeError('tokenHeader: expected the name of a header such as x-notes-authorization')
  return lower
}
