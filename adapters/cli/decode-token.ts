/** A token taken apart to be looked at. Nothing in it was checked. */
export interface LooseToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Most characters that are looked at. */
const LIMIT = 65_536

/** @returns null where it is no JWS of two JSON objects */
export function decodeLoosely(token: string): LooseToken | null {
  const parts = token.split('.')
  if (token.length > LIMIT || parts.length !== 3) return null
  const [header, claims] = parts.slice(0, 2).map(readObject)
  return header && claims ? { header, claims } : null
}

function readObject(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

/** A text that no terminal takes for a command, and nobody reads backwards. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}
