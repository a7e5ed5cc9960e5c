import { describe, expect, test } from 'vitest'
import { DER_TAG, bodyOf, readDer, readInside } from './der.ts'

/** A sequence with this length in front of so many zeros. */
function sequenceOf(length: readonly number[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(1 + length.length + bytes)
  whole.set([DER_TAG.sequence, ...length])
  return whole
}

describe('DER', () => {
  test('is elements one after another', () => {
    expect(readDer(Uint8Array.of(0x05, 0x00, 0x02, 0x01, 0x07))).toEqual([
      { tag: DER_TAG.null, body: Uint8Array.of() },
      { tag: DER_TAG.integer, body: Uint8Array.of(7) },
    ])
    expect(readDer(Uint8Array.of())).toEqual([])
  })

  test.each([
    ['0', [0x00], 0],
    ['127', [0x7f], 127],
    ['128', [0x81, 0x80], 128],
    ['255', [0x81, 0xff], 255],
    ['256', [0x82, 0x01, 0x00], 256],
    ['65536', [0x83, 0x01, 0x00, 0x00], 65_536],
  ])('has a body of %s bytes', (_, length, bytes) => {
    expect(readDer(sequenceOf(length, bytes)).map(({ body }) => body.length)).toEqual([bytes])
  })

  test.each([
    ['without a length', [], 0],
    ['of indefinite length', [0x80], 2],
    ['of indefinite length, with as many bytes as that reads', [0x80], 128],
    ['whose length has four bytes', [0x84, 0x01, 0x00, 0x00, 0x00], 2 ** 24],
    ['whose length breaks off', [0x82, 0x80], 0],
    ['whose length is not the shortest', [0x81, 0x7f], 127],
    ['whose length begins with zero', [0x82, 0x00, 0x80], 128],
    ['that breaks off', [0x02], 1],
    ['that breaks off, with a long length', [0x81, 0x80], 127],
    ['with a byte after it', [0x02], 3],
  ])('is refused %s', (_, length, bytes) => {
    expect(() => readDer(sequenceOf(length, bytes))).toThrow(TypeError)
  })

  test('is read only under the expected tag', () => {
    const [outer] = readDer(Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x07))
    expect(readInside(outer, DER_TAG.sequence)).toEqual([{ tag: DER_TAG.integer, body: Uint8Array.of(7) }])
    expect(() => readInside(outer, DER_TAG.integer)).toThrow(TypeError)
    expect(() => bodyOf(outer, DER_TAG.bitString)).toThrow(TypeError)
    expect(() => bodyOf(undefined, DER_TAG.sequence)).toThrow(TypeError)
  })
})
