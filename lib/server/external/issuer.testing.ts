import { type RequestListener, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type CryptoKey,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  exportJWK,
  generateKeyPair,
} from 'jose'
import { NOW } from '../../tokens/forge.testing.ts'

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA'

/** An account provider on 127.0.0.1, with one key of each kind. */
export interface TestIssuer {
  readonly issuer: string
  readonly jwksUrl: string
  readonly keys: Readonly<Record<Algorithm, { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }>>
  readonly jwks: readonly JWK[]
  /** How often the keys were requested. */
  requests(): number
  /** Replaces the response to key requests; without an argument restores the keys. */
  answerWith(listener?: RequestListener): void
  /** Signs valid claims, changed by those given. `kid` is the name of the algorithm. */
  sign(
    claims?: JWTPayload,
    header?: { alg?: Algorithm; kid?: string | undefined; [name: string]: unknown },
    key?: CryptoKey,
  ): Promise<string>
  /** Returns true for the signed part of a token of this issuer. Tests that ran before may still verify their own. */
  hasSigned(bytes: AllowSharedBufferSource): boolean
  /** Closes all open connections. */
  closeConnections(): void
  close(): Promise<void>
}

export const AUDIENCE = 'https://notes.example'
export const SUBJECT = 'user_2aB'

export async function startIssuer(): Promise<TestIssuer> {
  const keys = {
    RS256: await generateKeyPair('RS256'),
    ES256: await generateKeyPair('ES256'),
    EdDSA: await generateKeyPair('EdDSA'),
  }
  const jwks = await Promise.all(
    Object.entries(keys).map(async ([kid, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid, use: 'sig' })),
  )
  const serveKeys: RequestListener = (_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks }))
  }
  let count = 0
  let listener = serveKeys
  const server = createServer((request, response) => {
    count++
    listener(request, response)
  })
  const issuer = await listen(server)
  return {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    keys,
    jwks,
    requests: () => count,
    answerWith(other = serveKeys) {
      listener = other
    },
    sign(claims, { alg = 'RS256', ...header } = {}, key = keys[alg].privateKey) {
      const payload = { iss: issuer, aud: AUDIENCE, sub: SUBJECT, iat: NOW, exp: NOW + 300, ...claims }
      // JSON omits members that are undefined.
      return new SignJWT(payload).setProtectedHeader({ alg, kid: alg, ...header } as JWTHeaderParameters).sign(key)
    },
    hasSigned(bytes) {
      const [, payload = ''] = new TextDecoder().decode(bytes).split('.')
      return Buffer.from(payload, 'base64url').toString().includes(`"iss":"${issuer}"`)
    },
    closeConnections: () => server.closeAllConnections(),
    close: () => stop(server),
  }
}

/** Returns an address on which no server listens. */
export async function closedPort(): Promise<string> {
  const server = createServer()
  const url = await listen(server)
  await stop(server)
  return url
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
  })
}
