import { BoundedMap } from '../bounded-map.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, isBase64url } from '../identity/encoding.ts'

/** A parsed compact JWS (RFC 7515). Nothing in it is verified. */
export interface DecodedJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The bytes that the signature covers. */
  readonly input: Uint8Array<ArrayBuffer>
  readonly signature: Uint8Array<ArrayBuffer>
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a compact JWS, strictly.
 *
 * @param token - the text
 * @param limit - largest length in characters, checked before anything is parsed
 * @throws {LatchkeyError} `TOKEN_TOO_LARGE`, `TOKEN_MALFORMED`, `TOKEN_ENCODING_INVALID`, `TOKEN_MEMBER_DUPLICATE`
 */
export function decodeJws(token: string, limit: number): DecodedJws {
  // A missing header field, in JavaScript.
  if (typeof token !== 'string') throw new LatchkeyError('TOKEN_MALFORMED', 'expected a string')
  if (token.length > limit) throw new LatchkeyError('TOKEN_TOO_LARGE', `over ${limit} characters`)
  const first = token.indexOf('.')
  const last = token.lastIndexOf('.')
  if (first === last || token.indexOf('.', first + 1) !== last)
    throw new LatchkeyError('TOKEN_MALFORMED', 'expected three parts')
  return {
    header: parseHeader(token.slice(0, first)),
    claims: parseObject(decodePart(token.slice(first + 1, last))),
    input: encodeAscii(token.slice(0, last)),
    signature: decodePart(token.slice(last + 1)),
  }
}

/** Cache of parsed headers: nearly all tokens of one kind have the same header. */
const knownHeaders = new BoundedMap<string, DecodedJws['header']>(64)

function parseHeader(part: string): DecodedJws['header'] {
  const known = knownHeaders.get(part)
  if (known) return known
  const header = Object.freeze(parseObject(decodePart(part)))
  // Only short headers are cached, to bound the memory that unverified tokens can use.
  if (part.length <= 256) knownHeaders.set(part, header)
  return header
}

function decodePart(part: string): Uint8Array<ArrayBuffer> {
  const bytes = nodeBuffer()?.from(part, 'base64url')
  // Node's decoder is lenient; encoding the bytes again is the fastest check that the text was canonical.
  if (bytes ? bytes.toString('base64url') !== part : !isBase64url(part)) {
    throw new LatchkeyError('TOKEN_ENCODING_INVALID')
  }
  return bytes ?? decodeBase64url(part)
}

/** Node's, which is much faster than what every runtime has. */
interface NodeBuffer {
  from(text: string, encoding: 'base64url' | 'latin1'): NodeBytes
}

interface NodeBytes extends Uint8Array<ArrayBuffer> {
  toString(encoding?: 'base64url' | 'latin1'): string
}

function nodeBuffer(): NodeBuffer | undefined {
  return (globalThis as { Buffer?: NodeBuffer }).Buffer
}

/** Decodes base64url that was checked with {@link isBase64url}. */
export function decodeBytes(part: string): Uint8Array<ArrayBuffer> {
  return nodeBuffer()?.from(part, 'base64url') ?? decodeBase64url(part)
}

/**
 * Copies a text of ASCII characters, where that is cheap. A part of a text keeps all of it in memory, such as the
 * message of a socket that a cached token came in.
 */
export function copyText(text: string): string {
  return nodeBuffer()?.from(text, 'latin1').toString('latin1') ?? text
}

function encodeAscii(text: string): Uint8Array<ArrayBuffer> {
  return nodeBuffer()?.from(text, 'latin1') ?? new TextEncoder().encode(text)
}

/**
 * Parses a JSON object in UTF-8, strictly.
 *
 * @throws {LatchkeyError} `TOKEN_MALFORMED`, `TOKEN_MEMBER_DUPLICATE`
 */
export function parseObject(bytes: Uint8Array<ArrayBuffer>): Record<string, unknown> {
  const { text, value, isUnique } = parseJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LatchkeyError('TOKEN_MALFORMED', 'expected a JSON object')
  }
  if (!isUnique && hasDuplicateMember(text)) throw new LatchkeyError('TOKEN_MEMBER_DUPLICATE')
  return value as Record<string, unknown>
}

/** `isUnique`: it is certain, without the slow scan, that no member is there twice. */
function parseJson(bytes: Uint8Array<ArrayBuffer>): { text: string; value: unknown; isUnique: boolean } {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    // Inside the try: JSON nested thousands of levels deep parses, and then overflows the stack here. Compact JSON that
    // survives a round trip has no duplicate member.
    return { text, value, isUnique: hasEachString(text, value) || JSON.stringify(value) === text }
  } catch {
    // The parser's message can quote the input, so it is dropped.
    throw new LatchkeyError('TOKEN_MALFORMED', 'expected JSON in UTF-8')
  }
}

/**
 * Returns true if valid JSON has two quotes for each string of its value: then no string was lost, and so no member was
 * there twice. False for a text with an escape, which may be a quote.
 */
function hasEachString(json: string, value: unknown): boolean {
  if (json.includes('\\')) return false
  let quotes = 0
  for (let at = json.indexOf('"'); at !== -1; at = json.indexOf('"', at + 1)) quotes++
  return quotes === 2 * countStrings(value, 0)
}

/** Deeper JSON is left to the round trip. */
const MAX_DEPTH = 8

/** Counts the strings of a JSON value, the names of members among them; NaN if it is nested too deep. */
function countStrings(value: unknown, depth: number): number {
  if (typeof value === 'string') return 1
  if (typeof value !== 'object' || value === null) return 0
  if (depth === MAX_DEPTH) return Number.NaN
  const members = Object.values(value)
  let count = Array.isArray(value) ? 0 : members.length
  for (const member of members) count += countStrings(member, depth + 1)
  return count
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** Returns true if any object in valid JSON has a duplicate member, however the names are escaped. */
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
