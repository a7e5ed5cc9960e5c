import { LatchkeyError } from '../errors.ts'
import { decodeBase64url, encodeBase64url } from '../identity/encoding.ts'
import { isPlain } from './plain.ts'

/** Marks values that JSON cannot represent. A member whose own name begins with `$` gets a second `$`. */
const BYTES = '$bytes'

/**
 * Serializes the record as JSON. Bytes become `{ "$bytes": base64url }`.
 *
 * @param indent - spaces for each level; without it, the text is as short as possible
 * @throws {TypeError} a value is neither JSON nor bytes, for example a `CryptoKey`: nothing is wrong with the store
 */
export function stringifyRecord(record: unknown, indent?: number): string {
  return JSON.stringify(encode(record, 'record', []), null, indent)
}

function encode(value: unknown, place: string, around: readonly unknown[]): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value
  if (value instanceof Uint8Array) return { [BYTES]: encodeBase64url(value) }
  const inside = [...around, value]
  if (around.includes(value)) throw unstorable(place)
  if (Array.isArray(value)) return Array.from(value, (item, index) => encode(item, `${place}[${index}]`, inside))
  if (!isPlain(value)) throw unstorable(place)
  // In a record, a missing member and an undefined one are equivalent.
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(
    members.map(([name, member]) => [
      name.startsWith('$') ? `$${name}` : name,
      encode(member, `${place}.${name}`, inside),
    ]),
  )
}

function unstorable(place: string): TypeError {
  return new TypeError(`${place} cannot be stored as text`)
}

/**
 * Parses the output of {@link stringifyRecord}.
 *
 * @throws {LatchkeyError} `KEYSTORE_CORRUPT`, without the parser's error: its message quotes the text, including the
 *   secret
 */
export function parseRecordText(text: string): unknown {
  try {
    return decode(JSON.parse(text))
  } catch {
    throw new LatchkeyError('KEYSTORE_CORRUPT')
  }
}

function decode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(decode)
  const members = Object.entries(value)
  const [[name, member] = []] = members
  if (members.length === 1 && name === BYTES) return decodeBase64url(member as string)
  return Object.fromEntries(members.map(([name, member]) => [memberName(name), decode(member)]))
}

function memberName(name: string): string {
  if (!name.startsWith('$')) return name
  if (!name.startsWith('$$')) throw new LatchkeyError('KEYSTORE_CORRUPT')
  return name.slice(1)
}
