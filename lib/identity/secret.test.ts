import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '../errors.ts'
import { VECTORS } from '../tokens/forge.testing.ts'
import { createSecret, formatSecret, parseSecret } from './secret.ts'

describe('createSecret', () => {
  test('gives 32 bytes, other ones each time', () => {
    const secrets = Array.from({ length: 50 }, () => createSecret())
    expect(secrets.every((secret) => secret.length === 32)).toBe(true)
    expect(new Set(secrets.map((secret) => secret.join())).size).toBe(50)
  })
})

describe('formatSecret and parseSecret', () => {
  test.each(VECTORS)('turn $secret_hex into its text and back', ({ secret, secret_hex: hex }) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    expect(formatSecret(bytes)).toBe(secret)
    expect(parseSecret(secret)).toEqual(bytes)
  })

  test('give back every secret', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(parseSecret(formatSecret(bytes))).toEqual(new Uint8Array(bytes))
      }),
    )
  })
})

const TEXT = 'qgVerySecretVerySecretVerySecretVerySecret0'

describe('parseSecret refuses, without repeating the text,', () => {
  test.each([
    ['nothing', ''],
    ['42 characters', TEXT.slice(1)],
    ['44 characters', `A${TEXT}`],
    ['padding', `${TEXT}=`],
    ['padding in place of a character', `${TEXT.slice(0, 42)}=`],
    ['stray bits', `${TEXT.slice(0, 42)}1`],
    ['a space at the end', `${TEXT.slice(0, 42)} `],
    ['a line feed at the end', `${TEXT}\n`],
    ['base64', `${TEXT.slice(0, 20)}+/${TEXT.slice(22)}`],
    ['hexadecimal', VECTORS[0]!.secret_hex],
  ])('%s', (_, text) => {
    const error = thrownBy(() => parseSecret(text))
    expect(error.code).toBe('SECRET_INVALID')
    expect(error.cause).toBeUndefined()
    const said = `${error.message}\n${error.stack}\n${JSON.stringify(error, Object.getOwnPropertyNames(error))}`
    for (const part of partsOf(text)) expect(said).not.toContain(part)
  })

  test.each([[undefined], [null], [43], [{ length: 43 }]])('%j, which is no text', (value) => {
    expect(thrownBy(() => parseSecret(value as never)).code).toBe('SECRET_INVALID')
  })
})

function thrownBy(run: () => unknown): LatchkeyError {
  try {
    run()
  } catch (error) {
    if (error instanceof LatchkeyError) return error
  }
  throw new Error('expected a LatchkeyError')
}

/** Every eight characters in a row; a shorter text is its own only part. */
function partsOf(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - 7) }, (_, start) => text.slice(start, start + 8))
}
