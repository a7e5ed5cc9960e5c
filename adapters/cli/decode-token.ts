/** A decoded token. Nothing in it was verified. */
export interface LooseToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

const MAX_TOKEN_CHARACTERS = 65_536

/** @returns null if the text is not a JWS with two JSON objects */
export function decodeLoosely(token: string): LooseToken | null {
  const parts = token.split('.')
  if (token.length > MAX_TOKEN_CHARACTERS || parts.length !== 3) return null
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

/** Escapes control, format and bidirectional characters for safe terminal output. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}
