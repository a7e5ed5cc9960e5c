import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toNodeHandler } from 'better-auth/node'
import { resolveSigningKey } from 'better-auth/plugins'
import { type JWK, SignJWT, UnsecuredJWT, decodeJwt, exportSPKI, importJWK } from 'jose'
import { PROOF_HEADER, latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { type TestServer, person, testServer } from '../../adapters/better-auth/testing/server.testing.ts'

const API = 'https://api.example'
const OTHER_API = 'https://sync.example'
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
type Algorithm = (typeof ALGORITHMS)[number]

const PROGRAM = fileURLToPath(new URL('verifier/verify.py', import.meta.url))
const IMPORTS = 'import cryptography, jwt; assert hasattr(jwt, "PyJWKClient")'
// Where another Python comes first in the path, the system's may be the one that has the library.
const python = [process.env['LATCHKEY_PYTHON'], 'python3', '/usr/bin/python3'].find(
  (name) => name && spawnSync(name, ['-c', IMPORTS]).status === 0,
)
if (!python)
  console.warn(
    'The Python verifier: skipped, no Python with PyJWT and cryptography was found (python3-jwt and python3-cryptography, or set LATCHKEY_PYTHON)',
  )

const opened: (() => void)[] = []
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

/**
 * A real Better Auth with the exchange, on loopback; it answers where a client that starts from the issuer looks, too.
 */
async function world(algorithm: Algorithm) {
  const http = createServer()
  await once(http.listen(0, '127.0.0.1'), 'listening')
  opened.push(() => http.close())
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const exchange = { audiences: [API, OTHER_API], algorithm }
  const server = await testServer({
    baseURL: origin,
    plugins: [
      latchkey({ exchange }),
      latchkeyJwt({ jwks: { keyPairConfigs: ALGORITHMS.map((alg) => ({ alg })) as [] } }),
    ],
  })
  const paths = serve(http, server)
  return { origin, server, paths, ...clientOf(origin) }
}

/** @returns every path that was asked for */
function serve(http: Server, { auth }: TestServer): string[] {
  const paths: string[] = []
  const answer = toNodeHandler(auth)
  http.on('request', (request, response) => {
    paths.push(request.url!)
    if (request.url!.startsWith('/.well-known/')) request.url = `/api/auth${request.url}`
    void answer(request, response)
  })
  return paths
}

/** What a device sends, over the network. */
function clientOf(origin: string) {
  const base = `${origin}/api/auth`
  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin, ...headers },
      body: JSON.stringify(body),
    })

  async function exchanged(parameters: object, headers?: Record<string, string>): Promise<string> {
    const response = await post(
      '/latchkey/token',
      { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience: API, ...parameters },
      headers,
    )
    const { access_token: token } = (await response.json()) as { access_token: string }
    expect(response.status).toBe(200)
    return token
  }

  return {
    async byDevice(device: Device, audience = API): Promise<string> {
      return exchanged({
        audience,
        subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
        subject_token: await device.proof({ audience: base, purpose: 'exchange' }),
      })
    },
    /** A second device's principal, adopted by the account of the first. */
    async byAccount(first: Device, second: Device): Promise<string> {
      const proof = { [PROOF_HEADER]: await first.proof({ audience: base, purpose: 'upgrade' }) }
      const cookie = cookiesOf(await post('/sign-up/email', person('ada'), proof))
      const { nonce } = (await (await post('/latchkey/challenge', { purpose: 'link' }, { cookie })).json()) as {
        nonce: string
      }
      // The first look fixes who the account is.
      await fetch(`${base}/latchkey/session`, { headers: { cookie } })
      const link = {
        [PROOF_HEADER]: await second.proof({ audience: base, purpose: 'link', nonce, linkTo: first.principal }),
      }
      expect((await post('/latchkey/link', { nonce }, { cookie, ...link })).status).toBe(200)
      return exchanged({ subject_token_type: 'urn:latchkey:params:oauth:token-type:session' }, { cookie })
    },
  }
}

type Device = Awaited<ReturnType<typeof testDevice>>

const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')

/** The program, as it runs beside a server: a token in, a verdict out. */
function verifier(origin: string, algorithms: readonly Algorithm[], audience = API) {
  const child: ChildProcess = spawn(python!, [PROGRAM, origin, audience, ...algorithms], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  opened.push(() => child.kill())
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return async (token: string): Promise<Record<string, unknown>> => {
    child.stdin!.write(`${token}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error('the verifier ended')
    return JSON.parse(value) as Record<string, unknown>
  }
}

/** Tokens as the server itself signs them, changed in one point. */
async function forger({ auth }: TestServer, token: string, algorithm: Algorithm) {
  const { privateKey, kid } = (await resolveSigningKey(
    { context: await auth.$context } as never,
    {},
    { signingAlgorithm: algorithm },
  ))!
  return (changes: object, header: object = {}): Promise<string> =>
    new SignJWT({ ...decodeJwt(token), ...changes })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: kid!, ...header })
      .sign(privateKey)
}

async function publicKeyOf(origin: string, token: string): Promise<{ kid: string; jwk: JWK }> {
  const { keys } = (await (await fetch(`${origin}/api/auth/jwks`)).json()) as { keys: JWK[] }
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }
  return { kid, jwk: keys.find((key) => key.kid === kid)! }
}

describe.skipIf(!python)('a verifier in Python, of which this project knows nothing but a page of its docs', () => {
  test.each(ALGORITHMS)('takes what was exchanged for a device and for an account, signed by %s', async (algorithm) => {
    const { origin, byDevice, byAccount } = await world(algorithm)
    const [first, second, stranger] = [await testDevice(), await testDevice(), await testDevice()]
    // Keys are made with the first token, so that the verifier finds some.
    const tokens = [await byDevice(stranger), await byAccount(first, second)]
    const verify = verifier(origin, [algorithm])
    expect(await verify(tokens[0]!)).toEqual({ principals: [stranger.principal] })
    expect(await verify(tokens[1]!)).toEqual({ principals: [first.principal, second.principal] })
  })

  test.each(ALGORITHMS)('refuses everything else, where the server signs by %s', async (algorithm) => {
    const { origin, server, byDevice } = await world(algorithm)
    const device = await testDevice()
    const token = await byDevice(device)
    const forge = await forger(server, token, algorithm)
    const { kid, jwk } = await publicKeyOf(origin, token)
    const strangers = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const own = generateKeyPairSync('ed25519').privateKey
    const pem = new TextEncoder().encode(
      await exportSPKI((await importJWK(jwk, algorithm, { extractable: true })) as CryptoKey),
    )
    const claims = decodeJwt(token)
    const now = Math.floor(Date.now() / 1000)
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const nested = Buffer.from('['.repeat(4000)).toString('base64url')
    const refused: Record<string, string> = {
      'for another audience': await byDevice(device, OTHER_API),
      'of another issuer': await forge({ iss: 'https://evil.example' }),
      'that is over': await forge({ iat: now - 960, exp: now - 60 }),
      'from tomorrow': await forge({ iat: now + 86_400, exp: now + 87_000 }),
      'without an end': await forge({ exp: undefined }),
      'without a subject': await forge({ sub: undefined }),
      'of another kind, by the same key': await forge({}, { typ: 'JWT' }),
      'without a signature': new UnsecuredJWT(claims).encode(),
      'with a header that says so': `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).toString('base64url')}.${payload}.`,
      'whose signature was taken off': `${header}.${payload}.`,
      'whose claims were changed': `${header}.${Buffer.from(JSON.stringify({ ...claims, sub: 'eve' })).toString('base64url')}.${signature}`,
      'by HS256 with the public key as the secret': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
        .sign(pem),
      "by a stranger's key, with the server's key id": await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
        .sign(strangers),
      "by a stranger's key, which it brings along": await new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'own', jwk: own.export({ format: 'jwk' }) as JWK })
        .sign(own),
      "by a stranger's key, without a key id": await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
        .sign(strangers),
      'that a device signed for itself': await device.token({ audience: API }),
      'that is a proof': await device.proof({ audience: API, purpose: 'exchange' }),
      'whose key id is no text': `${Buffer.from(JSON.stringify({ alg: algorithm, typ: 'at+jwt', kid: { $ne: null } })).toString('base64url')}.${payload}.${signature}`,
      'nested to make a parser fall': `${nested}.${nested}.${signature}`,
      'that is too long': await forge({ more: 'x'.repeat(16_384) }),
      'that is none': 'x',
    }
    const verify = verifier(origin, [algorithm])
    for (const [name, made] of Object.entries(refused))
      expect.soft(await verify(made), name).toEqual({ TokenRefused: expect.any(String) })
    // What was forged differs in nothing else from one that is taken.
    expect(await verify(await forge({}))).toEqual({ principals: [device.principal] })
    const other = ALGORITHMS.find((each) => each !== algorithm)!
    expect(await verifier(origin, [other])(token)).toEqual({ TokenRefused: 'InvalidAlgorithmError' })
  })

  test('fetches the keys twice at most, however many unknown key ids there are', async () => {
    const { origin, paths, byDevice } = await world('RS256')
    const device = await testDevice()
    const token = await byDevice(device)
    const verify = verifier(origin, ['RS256'])
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    for (let count = 0; count < 20; count++) {
      const forged = await new SignJWT(decodeJwt(token))
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: randomUUID() })
        .sign(own)
      expect(await verify(forged)).toEqual({ TokenRefused: 'PyJWKClientError' })
    }
    expect(await verify(token)).toEqual({ principals: [device.principal] })
    expect(paths.filter((path) => path === '/api/auth/jwks').length).toBeLessThanOrEqual(2)
  })
})
