import { expect, test } from 'vitest'
import { bearerOf } from './jws.ts'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const bearer = (header: object, claims: object): string => `Bearer ${encode(header)}.${encode(claims)}.c2lnbmF0dXJl`

test.each([
  ['latchkey+jwt', 'local-first'],
  ['at+jwt', 'exchanged'],
  ['JWT', 'account'],
  [undefined, 'account'],
] as const)('a token of type %s is of kind %s', (typ, kind) => {
  expect(bearerOf(bearer({ alg: 'EdDSA', typ }, { aud: 'https://a.example', exp: 5, sub: 'é' }))).toEqual({
    kind,
    audience: 'https://a.example',
    expiresAt: 5,
  })
})

test('what is no JWT has only a kind', () => {
  expect(bearerOf(null)).toEqual({ kind: 'none' })
  for (const header of ['Basic YWRhOnBhc3N3b3Jk', 'Bearer opaque', 'Bearer a.b.c', 'Bearer e30.bnVsbA.x', ''])
    expect(bearerOf(header)).toEqual({ kind: 'other' })
})

test('several audiences are listed, and nothing else of the token is kept', () => {
  const seen = bearerOf(bearer({ typ: 'at+jwt' }, { aud: ['a', 'b'], sub: 'somebody', jti: 'id' }))
  expect(seen).toEqual({ kind: 'exchanged', audience: 'a, b' })
})
