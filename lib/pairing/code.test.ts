import { describe, expect, test } from 'vitest'
import { encodeBase64url } from '../identity/encoding.ts'
import { formatCode, keysOf, parseCode } from './code.ts'

const code = { shower: 'h', secret: new Uint8Array(32).fill(1), publicKey: new Uint8Array(65).fill(2) } as const
const text = formatCode('https://notes.example/?a=1#old', code)
const invalid = { code: 'PAIRING_CODE_INVALID' }

describe('a code', () => {
  test('is a link whose fragment no server gets', () => {
    expect(text).toMatch(/^https:\/\/notes\.example\/\?a=1#latchkey-pair=1h\.[\w-]{130}$/)
    expect(parseCode(` ${text}\n`, 'h')).toEqual(code)
  })

  test('is read only where such a code may be shown', () => {
    expect(() => parseCode(text, 'n')).toThrow(expect.objectContaining(invalid))
    expect(() => parseCode(formatCode('', { ...code, shower: 'n' }), 'h')).toThrow(expect.objectContaining(invalid))
  })

  test.each([
    ['nothing', ''],
    ['a link without a code', 'https://notes.example/'],
    ['a code in the query', text.replace('#', '?')],
    ['another version', text.replace('=1h', '=2h')],
    ['a shorter code', text.slice(0, -1)],
    ['a longer code', `${text}AAAA`],
    ['text after it', `${text}&x=1`],
    ['bytes of another length', `#latchkey-pair=1h.${encodeBase64url(new Uint8Array(96))}`],
  ])('is not %s', (_, other) => {
    expect(() => parseCode(other, 'h')).toThrow(expect.objectContaining(invalid))
  })

  test('gives a channel that differs from the key, and both from the secret', async () => {
    const { psk, channel } = await keysOf(code)
    expect(channel).toMatch(/^[\w-]{43}$/)
    expect(new Set([encodeBase64url(psk), channel, encodeBase64url(code.secret)]).size).toBe(3)
  })
})
