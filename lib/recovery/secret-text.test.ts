import { createHash } from 'node:crypto'
import { fc } from '../seeded.testing.ts'
import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../errors.ts'
import { formatSecret } from '../identity/secret.ts'
import { VECTORS } from '../tokens/forge.testing.ts'
import { checkOf, parseCheckedText, toCheckedText } from './secret-text.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('the text form for people', () => {
  test.each(VECTORS)('is lk1-, the secret and six characters of its SHA-256: $secret_hex', async (vector) => {
    const check = createHash('sha256').update(Buffer.from(vector.secret_hex, 'hex')).digest('base64url').slice(0, 6)
    expect(await checkOf(vector.secret)).toBe(check)
    expect(await toCheckedText(vector.secret)).toBe(`lk1-${vector.secret}${check}`)
    expect(await parseCheckedText(`lk1-${vector.secret}${check}`)).toBe(vector.secret)
  })

  test('is the same without a secure context', async () => {
    const { secret } = VECTORS[1]!
    const text = await toCheckedText(secret)
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    try {
      expect(await toCheckedText(secret)).toBe(text)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

const SECRET = 'qgVerySecretVerySecretVerySecretVerySecret0'
const TEXT = await toCheckedText(SECRET)

describe('reading accepts', () => {
  test.each([
    ['the text', TEXT],
    ['the secret alone, as programs write it', SECRET],
    ['white space and line breaks', ` ${TEXT.slice(0, 20)}\n  ${TEXT.slice(20)}\r\n`],
    ['a prefix in capital letters', TEXT.replace('lk1-', 'LK1-')],
  ])('%s', async (_, text) => {
    expect(await parseCheckedText(text)).toBe(SECRET)
  })

  test('a secret that begins like the prefix', async () => {
    const secret = `lk1-${SECRET.slice(4)}`
    expect(await parseCheckedText(secret)).toBe(secret)
    expect(await parseCheckedText(await toCheckedText(secret))).toBe(secret)
  })

  test('every secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
        const secret = formatSecret(bytes)
        expect(await parseCheckedText(await toCheckedText(secret))).toBe(secret)
      }),
    )
  })
})

describe('reading refuses', () => {
  test('every single character that is wrong, missing, doubled or swapped with the next', async () => {
    const wrong = [...TEXT.slice(4)].flatMap((character, index) => {
      const [before, after] = [TEXT.slice(0, index + 4), TEXT.slice(index + 5)]
      const other = ALPHABET[(ALPHABET.indexOf(character) + 1) % 64]!
      return [`${before}${other}${after}`, before + after, `${before}${character}${character}${after}`].concat(
        after && after[0] !== character ? `${before}${after[0]}${character}${after.slice(1)}` : [],
      )
    })
    for (const text of wrong) expect(await codeOf(text), text).toBe('SECRET_MISTYPED')
  })

  test.each([
    ['nothing', '', 'SECRET_INVALID'],
    ['the text without its prefix', TEXT.slice(4), 'SECRET_INVALID'],
    ['the secret without its last character', SECRET.slice(0, 42), 'SECRET_INVALID'],
    ['a prefix of another version', TEXT.replace('lk1-', 'lk2-'), 'SECRET_INVALID'],
    ['the prefix alone', 'lk1-', 'SECRET_MISTYPED'],
    ['other letter case', `lk1-${TEXT.slice(4).toLowerCase()}`, 'SECRET_MISTYPED'],
    ['punctuation', TEXT.replace('S', '.'), 'SECRET_MISTYPED'],
  ])('%s', async (_, text, code) => {
    expect(await codeOf(text)).toBe(code)
  })

  test('without repeating the text', async () => {
    const error = (await parseCheckedText(TEXT.replace('S', 's')).catch((failure: unknown) => failure)) as LatchkeyError
    expect(error.message).toBe('SECRET_MISTYPED')
    expect(error.cause).toBeUndefined()
  })
})

async function codeOf(text: string): Promise<string> {
  try {
    await parseCheckedText(text)
    return 'none'
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : String(error)
  }
}
