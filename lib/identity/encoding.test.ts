import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { outcome } from '../tokens/forge.testing.ts'
import { decodeBase64url, encodeBase64url } from './encoding.ts'

// RFC 4648 §10, without padding, and one value with each character that differs from base64.
const KNOWN: [bytes: string, text: string][] = [
  ['', ''],
  ['66', 'Zg'],
  ['666f', 'Zm8'],
  ['666f6f', 'Zm9v'],
  ['666f6f62', 'Zm9vYg'],
  ['666f6f6261', 'Zm9vYmE'],
  ['666f6f626172', 'Zm9vYmFy'],
  ['fbffbf', '-_-_'],
]

describe('encodeBase64url and decodeBase64url', () => {
  test.each(KNOWN)('%s is %j', (hex, text) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    expect(encodeBase64url(bytes)).toBe(text)
    expect(decodeBase64url(text)).toEqual(bytes)
  })

  test('agree with Buffer, and give back what went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encodeBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(decodeBase64url(text)).toEqual(new Uint8Array(bytes))
      }),
    )
  })
})

describe('decodeBase64url refuses', () => {
  test.each([
    ['padding', 'Zg=='],
    ['padding after whole groups', 'Zm9v='],
    ['padding alone', '===='],
    ['four stray bits', 'Zh'],
    ['the highest stray bit of four', 'Zo'],
    ['two stray bits', 'Zm9'],
    ['the higher stray bit of two', 'Zm-'],
    ['one character', 'Z'],
    ['a length of 1 modulo 4', 'Zm9vY'],
    ['a space before', ' Zm9v'],
    ['a space after', 'Zm9v '],
    ['a space inside', 'Zm 9v'],
    ['a line feed at the end', 'Zm9v\n'],
    ['a carriage return', 'Zm9v\r\n'],
    ['a tab', 'Zm\t9v'],
    ['a NUL', 'Zm9v\0'],
    ['a plus', 'Zm9+'],
    ['a slash', 'Zm9/'],
    ['a dot', 'Zm.v'],
    ['a letter outside ASCII', 'Zm9é'],
    ['a full-width letter', 'Zm9ｖ'],
    ['the Kelvin sign, a k under /i', 'Zm9\u212A'],
  ])('%s', async (_, text) => {
    expect(await outcome(() => decodeBase64url(text))).toBe('ENCODING_INVALID')
  })

  test('every text but the one that encodes the same bytes', () => {
    const character = fc.constantFrom(...'ABCDEQZafgowz0489-_+/= \n')
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        let bytes: Uint8Array
        try {
          bytes = decodeBase64url(text)
        } catch {
          expect(Buffer.from(text, 'base64url').toString('base64url')).not.toBe(text)
          return
        }
        expect(Buffer.from(bytes).toString('base64url')).toBe(text)
      }),
      { numRuns: 5000 },
    )
  })
})
