/** One element of DER (ITU-T X.690). */
export interface DerElement {
  readonly tag: number
  readonly body: Uint8Array<ArrayBuffer>
}

export const DER_TAG = { integer: 0x02, bitString: 0x03, null: 0x05, oid: 0x06, sequence: 0x30, version: 0xa0 } as const

/**
 * Parses a sequence of DER elements, strictly: definite lengths in their shortest form, no trailing bytes.
 *
 * @throws {TypeError} not DER
 */
export function readDer(bytes: Uint8Array<ArrayBuffer>): DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < bytes.length;) {
    const { start, end } = readExtent(bytes, at)
    elements.push({ tag: bytes[at]!, body: bytes.slice(start, end) })
    at = end
  }
  return elements
}

/** Parses the elements inside an element that must have this tag. */
export function readInside(element: DerElement | undefined, tag: number): DerElement[] {
  return readDer(bodyOf(element, tag))
}

/**
 * Returns the content of an element that must have this tag.
 *
 * @throws {TypeError} the element is missing or has another tag
 */
export function bodyOf(element: DerElement | undefined, tag: number): Uint8Array<ArrayBuffer> {
  if (element?.tag !== tag) throw notDer()
  return element.body
}

function readExtent(bytes: Uint8Array, at: number): { start: number; end: number } {
  const first = bytes[at + 1] ?? 0x80
  const count = first < 0x80 ? 0 : first & 0x7f
  const start = at + 2 + count
  // 0x80 is the indefinite length, which DER forbids. No key needs a length of four bytes.
  if (first === 0x80 || count > 3) throw notDer()
  const length = count === 0 ? first : bytes.slice(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0)
  const isShortest = count === 0 || (length >= 0x80 && bytes[at + 2] !== 0)
  if (!isShortest || start + length > bytes.length) throw notDer()
  return { start, end: start + length }
}

function notDer(): TypeError {
  return new TypeError('expected DER')
}
