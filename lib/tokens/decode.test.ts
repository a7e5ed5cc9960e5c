import { fc } from '../seeded.testing.ts'
import { describe, expect, test, vi } from 'vitest'
import type { LatchkeyError } from '../errors.ts'
import { decodeJws } from './decode.ts'
import { encode, outcome } from './forge.testing.ts'

const MAX_CHARACTERS = 16_384
const HEADER = encode('{"alg":"EdDSA"}')

function decoded(claims: string): Promise<string> {
  return outcome(() => decodeJws(`${HEADER}.${encode(claims)}.AA`, MAX_CHARACTERS))
}

describe('decodeJws', () => {
  test('takes a token apart and believes nothing', () => {
    const jws = decodeJws(`${HEADER}.${encode('{"sub":"a"}')}.AAEC`, MAX_CHARACTERS)
    expect(jws.header).toEqual({ alg: 'EdDSA' })
    expect(jws.claims).toEqual({ sub: 'a' })
    expect(Buffer.from(jws.input).toString()).toBe(`${HEADER}.${encode('{"sub":"a"}')}`)
    expect([...jws.signature]).toEqual([0, 1, 2])
  })

  test('refuses what is over the limit before it parses anything', async () => {
    const parse = vi.spyOn(JSON, 'parse')
    const token = `${HEADER}.e30.AA`
    expect(await outcome(() => decodeJws(token, token.length - 1))).toBe('TOKEN_TOO_LARGE')
    expect(await outcome(() => decodeJws('.'.repeat(MAX_CHARACTERS + 1), MAX_CHARACTERS))).toBe('TOKEN_TOO_LARGE')
    expect(parse).not.toHaveBeenCalled()
    expect(await outcome(() => decodeJws(token, token.length))).toBe('accepted')
    expect(parse).toHaveBeenCalled()
    parse.mockRestore()
  })

  test.each([
    ['nothing', ''],
    ['one part', HEADER],
    ['two parts', `${HEADER}.e30`],
    ['four parts', `${HEADER}.e30.AA.AA`],
    ['five parts, as a JWE has', `${HEADER}.AA.AA.AA.AA`],
    ['an empty header', '.e30.AA'],
    ['an empty payload', `${HEADER}..AA`],
    ['a header that is no JSON', `${encode('alg')}.e30.AA`],
    ['a header that is a list', `${encode('["alg"]')}.e30.AA`],
    ['a header that is null', `${encode('null')}.e30.AA`],
    ['claims that are a text', `${HEADER}.${encode('"sub"')}.AA`],
    ['claims that are a number', `${HEADER}.${encode('1')}.AA`],
    ['claims with something after them', `${HEADER}.${encode('{}{}')}.AA`],
    ['claims with a comma too many', `${HEADER}.${encode('{"a":1,}')}.AA`],
    ['claims that are no UTF-8', `${HEADER}.${encode(Buffer.from('7b2261223a22ff227d', 'hex'))}.AA`],
    ['claims in over-long UTF-8', `${HEADER}.${encode(Buffer.from('7b2261223a22c0af227d', 'hex'))}.AA`],
    ['claims after a byte order mark', `${HEADER}.${encode('\uFEFF{}')}.AA`],
  ])('refuses %s', async (_, token) => {
    expect(await outcome(() => decodeJws(token, MAX_CHARACTERS))).toBe('TOKEN_MALFORMED')
  })

  test.each([
    ['lists', `{"a":${'['.repeat(6000)}${']'.repeat(6000)}}`],
    ['lists, spaced', `{ "a":${'['.repeat(6000)}${']'.repeat(6000)}}`],
  ])('refuses thousands of nested %s, and does not overflow', async (_, claims) => {
    expect(await decoded(claims)).toBe('TOKEN_MALFORMED')
  })

  test.each([
    ['the header', `${HEADER}=.e30.AA`],
    ['the claims', `${HEADER}.e30=.AA`],
    ['the signature', `${HEADER}.e30.AA==`],
  ])('refuses padding in %s', async (_, token) => {
    expect(await outcome(() => decodeJws(token, MAX_CHARACTERS))).toBe('TOKEN_ENCODING_INVALID')
  })
})

describe('a header that was seen before', () => {
  test('is read the same, and cannot be changed for the next token', () => {
    const first = decodeJws(`${HEADER}.e30.AA`, MAX_CHARACTERS)
    expect(() => Object.assign(first.header, { alg: 'none' })).toThrow(TypeError)
    expect(decodeJws(`${HEADER}.${encode('{"sub":"a"}')}.AA`, MAX_CHARACTERS)).toMatchObject({
      header: { alg: 'EdDSA' },
      claims: { sub: 'a' },
    })
  })

  test('and was refused is refused again', async () => {
    for (const header of ['{"alg":"a","alg":"b"}', '[]']) {
      const codes = [1, 2].map(() => outcome(() => decodeJws(`${encode(header)}.e30.AA`, MAX_CHARACTERS)))
      expect(new Set(await Promise.all(codes))).toEqual(
        new Set([header === '[]' ? 'TOKEN_MALFORMED' : 'TOKEN_MEMBER_DUPLICATE']),
      )
    }
  })

  test('does not stand for one that only decodes to the same bytes', async () => {
    await outcome(() => decodeJws(`${encode('{"a":""}')}.e30.AA`, MAX_CHARACTERS))
    expect(await outcome(() => decodeJws(`${encode('{"a":""}')}=.e30.AA`, MAX_CHARACTERS))).toBe(
      'TOKEN_ENCODING_INVALID',
    )
    expect(await outcome(() => decodeJws(`${encode('{"a":""}')}\n.e30.AA`, MAX_CHARACTERS))).toBe(
      'TOKEN_ENCODING_INVALID',
    )
  })
})

describe('the cache of headers', () => {
  const headerOf = (part: string) => decodeJws(`${part}.e30.AA`, MAX_CHARACTERS).header
  /** Base64url of a header, of this length. */
  const long = (length: number) => encode(`{"alg":"${'a'.repeat((length / 4) * 3 - 10)}"}`)

  test('keeps a header of up to 256 characters, and none that is longer', () => {
    const [short, longest, longer] = [long(40), long(256), long(260)]
    expect([longest.length, longer.length]).toEqual([256, 260])
    expect(headerOf(short)).toBe(headerOf(short))
    expect(headerOf(longest)).toBe(headerOf(longest))
    expect(headerOf(longer)).toEqual(headerOf(longer))
    expect(headerOf(longer)).not.toBe(headerOf(longer))
  })

  test('keeps 64 headers, so that tokens with others cannot fill the memory', () => {
    const named = (name: number) => encode(`{"alg":"EdDSA","typ":"${name}"}`)
    const first = headerOf(named(0))
    for (let name = 1; name < 64; name++) headerOf(named(name))
    expect(headerOf(named(0))).toBe(first)
    headerOf(named(64))
    expect(headerOf(named(0))).not.toBe(first)
  })
})

describe('where there is no Buffer', () => {
  test.each([
    ['a token', `${HEADER}.${encode('{"sub":"ä","list":[1]}')}.AAEC`],
    ['padding', `${HEADER}.e30=.AA`],
    ['stray bits', `${HEADER}.e30.AB`],
    ['a line feed', `${HEADER}.e30\n.AA`],
    ['base64', `${HEADER}.e30.A+`],
    ['no JSON', `${HEADER}.AAAA.AA`],
  ])('%s gives the same', (_, token) => {
    const decode = (): unknown => {
      try {
        const { header, claims, signature } = decodeJws(token, MAX_CHARACTERS)
        return { header, claims, signature: [...signature] }
      } catch (error) {
        return (error as LatchkeyError).code
      }
    }
    const expected = decode()
    vi.stubGlobal('Buffer', undefined)
    const actual = decode()
    vi.unstubAllGlobals()
    expect(expected).toBeDefined()
    expect(actual).toEqual(expected)
  })
})

describe('a member given twice', () => {
  test.each([
    ['with the same value', '{"sub":"a","sub":"a"}'],
    ['with another value', '{"sub":"a","sub":"b"}'],
    ['far apart', '{"sub":"a","b":[{"c":1},{"d":{}}],"sub":"b"}'],
    ['with an escaped name', String.raw`{"sub":"a","\u0073ub":"b"}`],
    ['with an escaped name first', String.raw`{"\u0073ub":"a","sub":"b"}`],
    ['with both names escaped', String.raw`{"\u0073ub":"a","s\u0075b":"b"}`],
    ['with a name of an escape only', String.raw`{"\n":1,"\u000a":2}`],
    ['with an escaped quote in its name', String.raw`{"a\"":1,"a\u0022":2}`],
    ['with a backslash at the end of its name', String.raw`{"a\\":1,"a\\":2}`],
    ['with a surrogate pair in its name', String.raw`{"😀":1,"\ud83d\ude00":2}`],
    ['with an empty name', '{"":1,"":2}'],
    ['with the name __proto__', '{"__proto__":1,"__proto__":2}'],
    ['with a name of the prototype', '{"constructor":1,"constructor":2}'],
    ['with spaces around', '{ "sub" : "a" , "sub" : "b" }'],
    ['in a nested object', '{"sub_jwk":{"x":"a","x":"b"}}'],
    ['in a nested object, escaped', String.raw`{"sub_jwk":{"x":"a","\u0078":"b"}}`],
    ['in an object of a list', '{"list":[1,{"a":1,"a":2}]}'],
    ['after a nested object', '{"a":{"b":1},"a":2}'],
    ['as an object both times', '{"a":{},"a":{}}'],
    ['as a list both times', '{"a":[],"a":[]}'],
    ['next to brackets in texts', '{"a":"}{[,:","a":1}'],
  ])('is refused %s', async (_, claims) => {
    expect(await decoded(claims)).toBe('TOKEN_MEMBER_DUPLICATE')
  })

  test.each([7, 8, 9, 30])('is refused %i levels deep', async (depth) => {
    const lists = (json: string): string => `{"a":${'['.repeat(depth)}${json}${']'.repeat(depth)}}`
    expect(await decoded(lists('{"b":1,"b":"c"}'))).toBe('TOKEN_MEMBER_DUPLICATE')
    expect(await decoded(lists('{"b":1,"d":"c"}'))).toBe('accepted')
  })

  test('is refused in the header', async () => {
    const header = encode('{"alg":"none","alg":"EdDSA"}')
    expect(await outcome(() => decodeJws(`${header}.e30.AA`, MAX_CHARACTERS))).toBe('TOKEN_MEMBER_DUPLICATE')
  })

  test('is refused wherever it stands in any JSON', () => {
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }),
        fc.nat(),
        fc.jsonValue(),
        async (value, at, extra) => {
          const names = Object.keys(value)
          const twice = `${JSON.stringify(names[at % names.length])}:${JSON.stringify(extra)}`
          const json = `{${twice},${JSON.stringify(value).slice(1)}`
          expect(await decoded(json)).toBe('TOKEN_MEMBER_DUPLICATE')
          expect(await decoded(`{"outer":[0,${json}]}`)).toBe('TOKEN_MEMBER_DUPLICATE')
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a member given once', () => {
  test.each([
    ['in two objects', '{ "a":{"x":1},"b":{"x":1},"x":1}'],
    ['in two objects of a list', '{ "a":[{"x":1},{"x":1}]}'],
    ['as a name and as a value', '{ "a":"b","b":"a"}'],
    ['in a text that looks like JSON', String.raw`{ "a":"{\"b\":1,\"b\":2}"}`],
    ['in a text that ends in a backslash', String.raw`{ "a":"\\","b":"\\"}`],
    ['in another case', '{ "sub":1,"Sub":2}'],
    ['in another normal form', String.raw`{ "\u00e9":1,"e\u0301":2}`],
  ])('is taken %s', async (_, claims) => {
    expect(await decoded(claims)).toBe('accepted')
  })

  test('is taken in any JSON, however it is spaced', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
        fc.constantFrom(0, 1, '\t'),
        (value, indent) => {
          const json = JSON.stringify(value, undefined, indent)
          expect(decodeJws(`${HEADER}.${encode(json)}.AA`, 1_000_000).claims).toEqual(JSON.parse(json))
        },
      ),
      { numRuns: 300 },
    )
  })
})
