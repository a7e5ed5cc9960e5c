/** A stateless message of the server: it accepted the new token of an open document. */
export const TOKEN_ACCEPTED = 'latchkey:token-accepted'
/** A stateless message of the server: it could not check the new token at the moment. */
export const TOKEN_UNCHECKED = 'latchkey:token-unchecked'
/** The reason of a refusal: the token is valid, but not for this document. */
export const FORBIDDEN = 'forbidden'

/** The reason with which Hocuspocus confirms that the client closed a document. */
export const CONFIRMED = 'provider_initiated'

/** Between the app's name for a document and its owner. */
const SEPARATOR = ':'
/** Hocuspocus itself puts the id of a provider behind it. */
const RESERVED = '\0'

/**
 * Checks the app's name for a document.
 *
 * @throws {TypeError} it is empty or contains a colon
 */
export function checkName(name: string): void {
  if (!name || name.includes(SEPARATOR) || name.includes(RESERVED))
    throw new TypeError('name: expected a text without a colon, or a function')
}

/** Returns the name of a principal's document: `notes:PRINCIPAL`. */
export function documentName(name: string, principal: string): string {
  return `${name}${SEPARATOR}${principal}`
}

/** Returns the owner in the name of a document: what follows the first colon. null if there is none. */
export function ownerOf(documentName: string): string | null {
  const at = documentName.indexOf(SEPARATOR)
  return at < 0 ? null : documentName.slice(at + 1)
}
