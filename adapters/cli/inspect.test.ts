import { describe, expect, test } from 'vitest'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { testDevice } from '../../lib/testing.ts'
import { run } from './cli.testing.ts'
import { readSettings } from './flags.ts'
import { inspect, printInspection } from './inspect.ts'

const AUDIENCE = 'https://notes.example'
const NOW = 1_800_000_000
const clock = (): number => NOW * 1000

const look = (token: string, ...flags: string[]): ReturnType<typeof inspect> =>
  inspect(token, readSettings('inspect', flags, {}), clock)
const forge = (header: object, claims: object, signature = 'c2lnbmF0dXJl'): string =>
  [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(signature)
    .join('.')

describe('latchkey inspect', () => {
  test('explains a local-first token claim by claim, and says that a server accepts it', async () => {
    const device = await testDevice()
    const found = await look(await device.token({ audience: AUDIENCE, now: NOW - 10 }), '--audience', AUDIENCE)
    expect(found.kind).toBe('local-first')
    expect(found.claims.map(({ name }) => name)).toEqual(['iss', 'sub', 'aud', 'iat', 'exp', 'sub_jwk'])
    expect(found.claims.find(({ name }) => name === 'exp')!.meaning).toBe('Expires 2027-01-15T08:14:50.000Z, in 890 s.')
    expect(found.server).toMatchObject({ accepted: true, code: null })
    expect(found.server.unchecked).toEqual(['whether the key was revoked or replaced by its account'])
  })

  test('says what a server would answer, and what the client learns', async () => {
    const device = await testDevice()
    const expired = await device.token({ audience: AUDIENCE, now: NOW - 4000 })
    expect((await look(expired)).server).toMatchObject({
      accepted: false,
      code: 'TOKEN_EXPIRED',
      status: 401,
      client: 'expired',
      unchecked: expect.arrayContaining(['aud']),
    })
    const fresh = await device.token({ audience: AUDIENCE, now: NOW })
    expect((await look(fresh, '--audience', 'https://other.example')).server.code).toBe('TOKEN_AUDIENCE_MISMATCH')
    const forged = `${fresh.slice(0, -8)}AAAAAAAA`
    expect((await look(forged)).server.code).toMatch(/^TOKEN_SIGNATURE_/)
  })

  test('recognizes a proof, which is not a token', async () => {
    const proof = await (await testDevice()).proof({ audience: `${AUDIENCE}/api/auth`, purpose: 'upgrade', now: NOW })
    const found = await look(proof)
    expect(found).toMatchObject({ kind: 'proof', server: { accepted: true } })
    expect(found.server.meaning).toContain('cannot authorize requests')
  })

  test('of another provider: nothing is accepted without the key, and with it the signature counts', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const other = await generateKeyPair('ES256')
    const claims = new SignJWT({
      iss: 'https://idp.example',
      sub: 'user_1',
      aud: AUDIENCE,
      iat: NOW,
      exp: NOW + 60,
    }).setProtectedHeader({ alg: 'ES256' })
    const token = await claims.sign(privateKey)
    expect((await look(token)).server.accepted).toBeNull()
    const flags = [
      '--jwt-public-key',
      await exportSPKI(publicKey),
      '--jwt-issuer',
      'https://idp.example',
      '--jwt-audience',
      AUDIENCE,
    ].reduce<string[]>((all, part, index, list) => (index % 2 ? all : [...all, `${part}=${list[index + 1]}`]), [])
    expect((await look(token, ...flags)).server).toMatchObject({ accepted: true, unchecked: [] })
    expect((await look(await claims.sign(other.privateKey), ...flags)).server.code).toBe('TOKEN_SIGNATURE_INVALID')
    await expect(look(token, '--jwt-public-key=correct horse battery')).rejects.toThrow(
      /^--jwt-public-key: (?!.*horse)/,
    )
  })

  test('names what no server accepts: alg none, a shared secret, an address of keys', async () => {
    const found = await look(forge({ alg: 'none', jku: 'https://evil.example' }, { iss: 'x', sub: 'y', exp: NOW + 60 }))
    expect(found.header.map(({ meaning }) => meaning)).toEqual([
      'Not a public-key algorithm: servers reject it.',
      'A URL of keys. Servers never fetch it.',
    ])
    expect(found.server.accepted).not.toBe(true)
  })

  test('writes no control character of a token to the terminal', async () => {
    const text = printInspection(
      await look(forge({ alg: 'ES256' }, { iss: '\u001b[2J\u009b31m\u202e', '\u001b]0;': 1, exp: NOW + 60 })),
    )
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test.each([
    '',
    'a',
    '..',
    'a.b.c',
    `${'a'.repeat(60_000)}.b.c`,
    'W10.W10.',
    'bnVsbA.bnVsbA.x',
    forge({}, {}),
    forge({ typ: 'latchkey+jwt' }, { aud: [] }),
    forge({ typ: 'latchkey-proof+jwt' }, { aud: 3, purpose: {}, exp: 'x' }),
    forge({}, { iss: 1, exp: {} }),
  ])('has an explanation for any input: %#', async (token) => {
    const found = look(token)
    if (token === '') await expect(found).rejects.toThrow('Expected a token')
    else expect((await found).server.accepted).not.toBe(true)
  })

  test('as a process: from standard input, exit code 0 for what a server accepts and 1 for the rest, and no signature in any output', async () => {
    const device = await testDevice()
    const token = await device.token({ audience: AUDIENCE })
    const [, , signature] = token.split('.')
    const [good, bad, json, nothing] = await Promise.all([
      run(['inspect'], { input: `Authorization: Bearer ${token}\n`, environment: { LATCHKEY_AUDIENCE: AUDIENCE } }),
      run(['inspect', '--audience', 'https://other.example'], { input: token }),
      run(['inspect', '--json'], { input: token }),
      run(['inspect']),
    ])
    expect([good.code, bad.code, json.code, nothing.code]).toEqual([0, 1, 0, 2])
    expect(bad.stdout).toContain('Server: rejected, TOKEN_AUDIENCE_MISMATCH')
    expect(bad.stdout).toContain('/docs/errors.md#token_audience_mismatch\n')
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'local-first', server: { accepted: true } })
    for (const { stdout, stderr } of [good, bad, json]) {
      expect(stdout + stderr).not.toContain(signature)
      expect(stdout + stderr).not.toContain(token.slice(0, 60))
    }
  })
})
