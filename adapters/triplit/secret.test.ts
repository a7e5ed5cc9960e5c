import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ExternalJwtSecretUse, checkExternalJwtSecret, readExternalJwtSecret } from './server.ts'
import { type TestIssuer, startTriplit, testIssuer } from './triplit.testing.ts'

const issuers = new Map<string, TestIssuer>()
let rsa: TestIssuer

beforeAll(async () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])
    issuers.set(algorithm, await testIssuer(algorithm))
  rsa = issuers.get('RS256')!
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterAll(() => vi.restoreAllMocks())

/** Who a real server lets in: a holder of the private key, and a client that knows the text. */
async function letsIn(text: string, issuer = rsa): Promise<{ holder: boolean; anybody: boolean }> {
  const triplit = await startTriplit(text)
  const ask = async (token: string): Promise<boolean> =>
    (await fetch(`${triplit.url}/version`, { headers: { authorization: `Bearer ${token}` } })).ok
  const forged =
    text === ''
      ? 'none'
      : await new SignJWT({ sub: 'anybody' }).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(text))
  try {
    return { holder: await ask(await issuer.sign({ sub: 'ada' })), anybody: await ask(forged) }
  } finally {
    await triplit.close()
  }
}

describe('a value that a Triplit server reads as a public key', () => {
  test.each([
    ['RS256, PEM', 'RS256', ({ pem }: TestIssuer) => pem],
    ['RS256, PEM without line breaks', 'RS256', ({ pem }: TestIssuer) => pem.replaceAll('\n', '')],
    ['RS256, one JWK', 'RS256', ({ jwk }: TestIssuer) => jwk],
    ['PS256, PEM', 'PS256', ({ pem }: TestIssuer) => pem],
    ['ES256, PEM', 'ES256', ({ pem }: TestIssuer) => pem],
    ['ES256, one JWK', 'ES256', ({ jwk }: TestIssuer) => jwk],
    ['ES384, PEM', 'ES384', ({ pem }: TestIssuer) => pem],
    ['Ed25519, PEM', 'EdDSA', ({ pem }: TestIssuer) => pem],
    ['Ed25519, one JWK', 'EdDSA', ({ jwk }: TestIssuer) => jwk],
  ])('%s', async (_, algorithm, write) => {
    const issuer = issuers.get(algorithm)!
    const text = write(issuer)
    expect(checkExternalJwtSecret(text)).toBe(text)
    expect(readExternalJwtSecret(text)).toMatchObject({ use: 'key', repair: null })
    expect(await letsIn(text, issuer)).toEqual({ holder: true, anybody: false })
  })
})

const set = (...jwks: string[]) => JSON.stringify({ keys: jwks.map((jwk) => JSON.parse(jwk) as unknown) })
const pkcs1 = (pem: string) => createPublicKey(pem).export({ type: 'pkcs1', format: 'pem' }) as string

type Wrong = [name: string, write: () => string, use: ExternalJwtSecretUse, isRepairable: boolean, why: string]

describe('a value that it reads as something else', () => {
  test.each<Wrong>([
    ['the address of a JWKS', () => 'https://notes.example/api/auth/jwks', 'shared-secret', false, 'It is a URL'],
    ['a JWKS of one key', () => set(rsa.jwk), 'nothing', true, 'It is a JWK set'],
    ['a JWKS of two keys', () => set(rsa.jwk, issuers.get('ES256')!.jwk), 'nothing', false, 'It is a JWK set'],
    ['a PKCS#1 PEM', () => pkcs1(rsa.pem), 'shared-secret', true, 'It does not begin with -----BEGIN PUBLIC KEY-----'],
    ['a PEM after a space', () => ` ${rsa.pem}`, 'shared-secret', true, 'It does not begin with'],
    ['a PEM after a byte order mark', () => `\uFEFF${rsa.pem}`, 'shared-secret', true, 'It does not begin with'],
    ['a PEM in quotes', () => `"${rsa.pem}"`, 'shared-secret', true, 'It does not begin with'],
    [
      'a PEM with escaped line breaks',
      () => rsa.pem.replaceAll('\n', String.raw`\n`),
      'nothing',
      true,
      'It is a PEM without a public key',
    ],
    [
      'a PEM with escaped line breaks, in quotes',
      () => JSON.stringify(rsa.pem),
      'nothing',
      true,
      'It does not begin with',
    ],
    ['a JWK in quotes', () => `'${rsa.jwk}'`, 'shared-secret', true, 'It is neither a PEM nor a JWK'],
    ['a PEM that was cut off', () => rsa.pem.slice(0, 120), 'nothing', false, 'It is a PEM without a public key'],
    ['a word', () => 'change me', 'shared-secret', false, 'It is neither a PEM nor a JWK'],
    [
      'a symmetric JWK',
      () => '{"kty":"oct","k":"c2VjcmV0LXRoYXQtZXZlcnlib2R5LWtub3dz"}',
      'shared-secret',
      false,
      'It is JSON, but not a public key',
    ],
    ['null', () => 'null', 'shared-secret', false, 'It is neither'],
    ['nothing', () => '', 'nothing', false, 'It is empty'],
  ])('%s', async (_, write, use, isRepairable, why) => {
    const text = write()
    const { meaning, repair, use: seen } = readExternalJwtSecret(text)
    expect(seen).toBe(use)
    expect(meaning).toContain(why)
    expect(repair !== null).toBe(isRepairable)
    expect(() => checkExternalJwtSecret(text)).toThrow(
      expect.objectContaining({ code: 'EXTERNAL_SECRET_INVALID', message: expect.stringContaining(meaning) }),
    )
    if (text.length > 4) expect(meaning).not.toContain(text)
    // The real one agrees; the bytes of a symmetric JWK are its `k`, not its text.
    const isWhole = !text.includes('"oct"')
    expect(await letsIn(text)).toEqual({ holder: false, anybody: use === 'shared-secret' && isWhole })
    if (repair !== null) expect(await letsIn(checkExternalJwtSecret(repair))).toEqual({ holder: true, anybody: false })
  })
})

test('a private key is refused, and not repaired', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  for (const text of [
    privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    JSON.stringify(privateKey.export({ format: 'jwk' })),
  ]) {
    expect(readExternalJwtSecret(text)).toMatchObject({
      repair: null,
      meaning: expect.stringContaining('It contains a private key'),
    })
    expect(() => checkExternalJwtSecret(text)).toThrow(expect.objectContaining({ code: 'EXTERNAL_SECRET_INVALID' }))
  }
})

test('a key that is too weak for any token is none', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  expect(readExternalJwtSecret(publicKey.export({ type: 'spki', format: 'pem' }) as string)).toMatchObject({
    use: 'nothing',
    repair: null,
  })
})
