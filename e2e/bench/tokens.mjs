// Tokens of one device or account, and what the peers need to check them as Latchkey does.
import { createPublicKey } from 'node:crypto'
import { SignJWT, exportJWK, generateKeyPair, importJWK } from 'jose'
import { testDevice } from 'latchkey/testing'

export const AUDIENCE = 'https://notes.example'
const ISSUER = 'https://id.example'

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} alg
 * @property {string} issuer
 * @property {string} [type] header `typ`, where Latchkey checks one
 * @property {import('jose').JWK} jwk
 * @property {Awaited<ReturnType<typeof importJWK>>} key for jose, imported once
 * @property {string} pem for fast-jwt
 * @property {string[]} tokens
 */

/** @param {number} count @returns {Promise<Kind>} */
export async function localFirstKind(count) {
  const device = await testDevice()
  const tokens = await Promise.all(
    Array.from({ length: count }, (_, index) => device.token({ audience: AUDIENCE, lifetime: 3600 - index })),
  )
  const { sub_jwk: jwk } = JSON.parse(Buffer.from(tokens[0]?.split('.')[1] ?? '', 'base64url').toString())
  return {
    name: 'local-first',
    alg: 'EdDSA',
    issuer: 'urn:latchkey:local-first',
    type: 'latchkey+jwt',
    jwk,
    ...(await keysOf(jwk, 'EdDSA')),
    tokens,
  }
}

/**
 * @param {'RS256' | 'ES256' | 'EdDSA'} alg @param {number} count @returns {Promise<Kind & { sign: (index: number) =>
 * Promise<string> }>}
 */
export async function externalKind(alg, count) {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  const sign = (/** @type {number} */ index) =>
    new SignJWT({ email: `person-${index}@example.com`, role: 'member' })
      .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(`user_${index}`)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
  const tokens = await Promise.all(Array.from({ length: count }, (_, index) => sign(index)))
  return { name: `external ${alg}`, alg, issuer: ISSUER, jwk, ...(await keysOf(jwk, alg)), tokens, sign }
}

/** @param {import('jose').JWK} jwk @param {string} alg */
async function keysOf(jwk, alg) {
  const pem = String(
    createPublicKey({ key: /** @type {import('node:crypto').JsonWebKey} */ (jwk), format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    }),
  )
  return { key: await importJWK(jwk, alg), pem }
}
