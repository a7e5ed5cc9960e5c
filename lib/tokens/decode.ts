import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { decodeBase64url } from '../identity/base64url.ts'

/** A compact JWS (RFC 7515) taken apart, nothing in it believed yet. */
export interface DecodedJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The bytes that the signature covers. */
  readonly input: Uint8Array<ArrayBuffer>
  readonly signature: Uint8Array<ArrayBuffer>
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a compact JWS apart, strictly.
 *
 * @param token - the text
 * @param limit - most characters, checked before anything is parsed
 * @throws {LatchkeyError} `TOKEN_TOO_LARGE`, `TOKEN_MALFORMED`, `TOKEN_ENCODING_INVALID`, `TOKEN_MEMBER_DUPLICATE`
 */
export function decodeJws(token: string, limit: number): DecodedJws {
  if (token.length > limit) throw new LatchkeyError('TOKEN_TOO_LARGE', `over ${limit} characters`)
  const parts = token.split('.')
  if (parts.length !== 3) throw new LatchkeyError('TOKEN_MALFORMED', 'expected three parts')
  const [header, claims, signature] = parts as [string, string, string]
  return {
    header: parseObject(decodePart(header)),
    claims: parseObject(decodePart(claims)),
    input: new TextEncoder().encode(`${header}.${claims}`),
    signature: decodePart(signature),
  }
}

function decodePart(part: string): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64url(part)
  } catch (cause) {
    if (isLatchkeyError(cause, 'ENCODING_INVALID')) throw new LatchkeyError('TOKEN_ENCODING_INVALID')
    throw cause
  }
}

function parseObject(bytes: Uint8Array<ArrayBuffer>): Record<string, unknown> {
  const { text, value } = parseJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LatchkeyError('TOKEN_MALFORMED', 'expected a JSON object')
  }
  // Compact JSON that survives a round trip cannot have lost a member; only other texts need the scan.
  if (JSON.stringify(value) !== text && hasDuplicateMember(text)) throw new LatchkeyError('TOKEN_MEMBER_DUPLICATE')
  return value as Record<string, unknown>
}

function parseJson(bytes: Uint8Array<ArrayBuffer>): { text: string; value: unknown } {
  try {
    const text = utf8.decode(bytes)
    return { text, value: JSON.parse(text) }
  } catch {
    // The parser's message can quote the input, so it is not passed on.
    throw new LatchkeyError('TOKEN_MALFORMED', 'expected JSON in UTF-8')
  }
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** Walks valid JSON and reports whether any object has one member twice, however the names are escaped. */
function hasDuplicateMember(json: string): boolean {
  const open: (Set<string> | null)[] = []
  let previous = ''
  for (const [part] of json.matchAll(JSON_TOKEN)) {
    if (part === '{') open.push(new Set())
    else if (part === '[') open.push(null)
    else if (part === '}' || part === ']') open.pop()
    else if (part === ':') {
      const name: string = JSON.parse(previous)
      const members = open.at(-1)
      if (members?.has(name)) return true
      members?.add(name)
    }
    previous = part
  }
  return false
}
