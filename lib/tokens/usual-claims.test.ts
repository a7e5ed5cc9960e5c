import { describe, expect, test, vi } from 'vitest'
import { VECTORS } from './forge.testing.ts'
import { parseObject } from './decode.ts'
import { parseTokenClaims } from './usual-claims.ts'

const TEXTS = VECTORS.map(({ token }) => Buffer.from(token.split('.')[1]!, 'base64url').toString())
const TEXT = TEXTS[0]!

/** Their JSON, which also shows the order of the members; or the code of the refusal. */
function answer(parse: (bytes: Uint8Array<ArrayBuffer>) => unknown, bytes: Uint8Array): string {
  try {
    return JSON.stringify(parse(new Uint8Array(bytes)))
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

/** Everything that a JSON text can go wrong with, and what looks like it. */
const PIECES = ['"', '\\', '\\"', '\\u0041', '{', ',', ':', ' ', '\0', '0', '.', 'e', 'é']
const MEMBERS = ['"aud":"x",', '"sub":"x",', '"iat":1,', '"exp":9,', '"":0,', '"__proto__":{},', '"iss":"x",']

function* mutations(): Generator<string> {
  for (let at = 0; at <= TEXT.length; at++) {
    yield TEXT.slice(0, at) + TEXT.slice(at + 1)
    for (const piece of PIECES) yield TEXT.slice(0, at) + piece + TEXT.slice(at)
  }
  for (let at = TEXT.indexOf(','); at !== -1; at = TEXT.indexOf(',', at + 1))
    for (const member of MEMBERS) yield TEXT.slice(0, at + 1) + member + TEXT.slice(at + 1)
  for (const number of ['0', '-1', '01', '1e3', '1.0', '999999999999999', '9999999999999999', '1'.repeat(400)])
    for (const name of ['iat', 'exp']) yield TEXT.replace(new RegExp(`"${name}":\\d+`), `"${name}":${number}`)
}

describe('the claims of a token', () => {
  test('as they are minted are read without a parser of JSON', () => {
    const parse = vi.spyOn(JSON, 'parse')
    for (const text of TEXTS) parseTokenClaims(new Uint8Array(Buffer.from(text)))
    expect(parse).not.toHaveBeenCalled()
    parse.mockRestore()
  })

  test('are those that the parser of JSON reads', () => {
    for (const text of TEXTS) {
      const expected: unknown = JSON.parse(text)
      const found = parseTokenClaims(new Uint8Array(Buffer.from(text)))
      expect(found).toStrictEqual(expected)
      expect(JSON.stringify(found)).toBe(text)
    }
  })

  test('are the same, or refused for the same reason, whatever is changed in their text', () => {
    let count = 0
    for (const text of mutations()) {
      const bytes = Buffer.from(text)
      const [found, expected] = [answer(parseTokenClaims, bytes), answer(parseObject, bytes)]
      if (found !== expected) throw new Error(`${text}: ${found}, not ${expected}`)
      count++
    }
    expect(count).toBeGreaterThan(3000)
  })

  test('are refused if a byte is no UTF-8, as by the parser of JSON', () => {
    for (let at = 0; at < TEXT.length; at++) {
      const bytes = Buffer.from(TEXT)
      bytes[at] = 0xff
      expect(answer(parseTokenClaims, bytes)).toBe('TOKEN_MALFORMED')
    }
  })
})
