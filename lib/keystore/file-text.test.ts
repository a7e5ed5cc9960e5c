import { isDeepStrictEqual } from 'node:util'
import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { formatRecord, parseRecord } from './file-text.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const again = (record: unknown): unknown => parseRecord(bytesOf(formatRecord(record)))
/** JSON has none. */
const withoutMinusZero = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a record', () => {
  test('is JSON that a person can read', () => {
    expect(formatRecord({ v: 1, bytes: Uint8Array.of(255, 254), entries: [] })).toBe(
      '{\n  "v": 1,\n  "bytes": {\n    "$bytes": "__4"\n  },\n  "entries": []\n}\n',
    )
  })

  test('comes back as it was, bytes and awkward names included', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('$', '$bytes', '$$bytes', '$$', 'toJSON', 'constructor'))
    const record = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue().map(withoutMinusZero),
        fc.uint8Array().map((bytes) => Uint8Array.from(bytes)),
        fc.array(tie('value')),
        fc.dictionary(name, tie('value'), { noNullPrototype: true }),
      ),
    })).value
    fc.assert(
      fc.property(record, (value) => isDeepStrictEqual(again(value), value)),
      { numRuns: 500 },
    )
  })

  test('may have a member that is named like the prototype', () => {
    const record = JSON.parse('{ "__proto__": { "admin": true } }') as object
    const back = again(record) as { admin?: boolean }
    expect(Object.keys(back)).toEqual(['__proto__'])
    expect(back.admin).toBeUndefined()
  })

  test('with undefined members is the record without them', () => {
    expect(again({ a: undefined, b: 1 })).toStrictEqual({ b: 1 })
  })

  test('may hold one thing in two places', () => {
    const shared = { a: 1 }
    expect(again([shared, shared])).toEqual([shared, shared])
  })

  test("gives bytes, and not Node's Buffer", () => {
    expect(Object.getPrototypeOf(again(Buffer.from('abc')))).toBe(Uint8Array.prototype)
  })
})

describe('what JSON has no form for', async () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const { privateKey } = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
  const values = {
    'a function': () => {},
    'a symbol': Symbol('s'),
    'a big integer': 1n,
    'no number': Number.NaN,
    infinity: Number.POSITIVE_INFINITY,
    'a date': new Date(0),
    'a map': new Map(),
    'other typed bytes': new Uint16Array(1),
    'an instance': new URL('https://notes.example'),
    'a CryptoKey': privateKey,
    'an undefined item': [undefined],
    'a cycle': cycle,
  }
  for (const [name, value] of Object.entries(values)) {
    test(`${name} is refused, with its place`, () => {
      expect(() => formatRecord({ list: [value] })).toThrow(
        expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('record.list[0]') }),
      )
    })
  }

  test('undefined alone is no record', () => {
    expect(() => formatRecord(undefined)).toThrow(TypeError)
  })
})

describe('a damaged file', () => {
  const texts = {
    'an empty file': '',
    'half a record': '{ "v": 1, "entries": [',
    'two records': '{}{}',
    'bytes that are no base64url': '{ "$bytes": "a+b=" }',
    'bytes that are no text': '{ "$bytes": 1234 }',
    'a mark with something beside it': '{ "$bytes": "AQI", "more": 1 }',
    'an unknown mark': '{ "$date": "2026-01-01" }',
  }
  for (const [name, text] of Object.entries(texts)) {
    test(`${name}: KEYSTORE_CORRUPT`, () => {
      expect(() => parseRecord(bytesOf(text))).toThrow(expect.objectContaining({ code: 'KEYSTORE_CORRUPT' }))
    })
  }

  test('no UTF-8: KEYSTORE_CORRUPT', () => {
    expect(() => parseRecord(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(
      expect.objectContaining({ code: 'KEYSTORE_CORRUPT' }),
    )
  })
})
