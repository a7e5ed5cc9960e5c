// What must hold wherever the package runs: derivation and tokens, signatures, keys of small order, and the verdicts
// of the resolver. It needs nothing but what every runtime has.
import { Point } from '@noble/ed25519'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { createSessionResolver } from 'latchkey/server'
import { createProofVerifier, encodeBase64url } from 'latchkey/server/kit'
import { testDevice } from 'latchkey/testing'
import { reproduceVector } from '../harness/vectors.ts'
import { expect, finding } from './findings.mjs'
import { identifierOf, thumbprintInput } from '../../dist/lib/identity/principal.js'
import { nodeCrypto } from '../../dist/lib/tokens/node-crypto.js'
import { importPublicKey } from '../../dist/lib/tokens/public-key.js'
import { signatureFault } from '../../dist/lib/tokens/verify.js'

/**
 * @typedef {import('../databases/acts.mjs').Finding} Finding
 * @typedef {import('../harness/vectors.ts').Vector} Vector
 * @typedef {{ testGroups: { publicKey: { pk: string }, tests: { tcId: number, msg: string, sig: string, result: string
 *   }[] }[] }} Wycheproof
 * @typedef {{ vectors: readonly Vector[], wycheproof: Wycheproof | null }} Data
 */

const APP = 'https://notes.example'
const ISSUER = 'https://auth.notes.example'

/** Seconds since 1970, as in the vectors. */
const NOW = 1_760_000_000
const clock = () => NOW * 1000

/**
 * Runs every check.
 *
 * @param {Data} data `wycheproof`: `ed25519_test.json`, or null where it is not at hand
 * @returns {Promise<Finding[]>}
 */
export async function conformance({ vectors, wycheproof }) {
  return [
    await finding('vectors', () => checkVectors(vectors)),
    ...(wycheproof ? [await finding('Wycheproof', () => checkWycheproof(wycheproof))] : []),
    await finding('small-order keys', checkSmallOrder),
    await finding('resolver', checkResolver),
  ]
}

/** @param {readonly Vector[]} vectors */
async function checkVectors(vectors) {
  const suites = /** @type {const} */ (['native', 'noble'])
  for (const vector of vectors) {
    for (const suite of suites) {
      const made = await reproduceVector(vector, suite)
      for (const [member, value] of Object.entries(made))
        expect(value, vector[/** @type {keyof Vector} */ (member)], `${member} of ${vector.principal} by ${suite}`)
    }
    const { principal } = await createProofVerifier({ audience: ISSUER, clock }).verify(vector.upgrade_proof, {
      purpose: 'upgrade',
    })
    expect(principal, vector.principal, 'the principal of a proof')
  }
  const { key } = await testDevice(vectors[0]?.secret)
  return `${vectors.length} identities by both implementations; by default ${key.suite}`
}

/** @param {Wycheproof} wycheproof */
async function checkWycheproof({ testGroups }) {
  const cases = testGroups.flatMap(({ publicKey, tests }) => tests.map((each) => ({ ...each, pk: publicKey.pk })))
  for (const { tcId, pk, msg, sig, result } of cases) {
    const key = await importPublicKey(encodeBase64url(bytesOf(pk)))
    const code = await signatureFault({ input: bytesOf(msg), signature: bytesOf(sig) }, key)
    expect(code === undefined, result === 'valid', `case ${tcId}`)
  }
  return `${cases.length} of ${cases.length}`
}

/** The y of every point whose order divides 8, and the second encodings of 0 and 1; each with both sign bits. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((hex) => [hex, hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16)])

async function checkSmallOrder() {
  const resolver = createSessionResolver({ localFirst: { audience: APP, afterUpgrade: 'allow' }, clock })
  let accepted = 0
  for (const hex of SMALL_ORDER) {
    const { token, input, signature } = forgeUnder(bytesOf(hex))
    const resolution = await resolver.resolve({ headers: { authorization: `Bearer ${token}` } })
    const reason = resolution.ok ? 'accepted' : resolution.reason
    if (!/^TOKEN_KEY_(SMALL_ORDER|NOT_CANONICAL)$/.test(reason)) throw new Error(`a token under ${hex}: ${reason}`)
    if (await isAcceptedHere(bytesOf(hex), input, signature)) accepted++
  }
  // Otherwise the resolver would have refused nothing that counts anywhere.
  return `${SMALL_ORDER.length} refused, of which WebCrypto alone accepts ${accepted}`
}

/**
 * Signs a token without a key: under a point of small order, S = s and R = [s]B fit if the hash is a multiple of 8.
 *
 * @param {Uint8Array<ArrayBuffer>} key
 */
function forgeUnder(key) {
  const x = encodeBase64url(key)
  const { principal } = identifierOf(sha256(thumbprintInput(x)))
  const [R, S] = [Point.BASE.multiply(12_345n).toBytes(), new Uint8Array(32)]
  S.set([12_345 & 0xff, 12_345 >> 8])
  const signature = Uint8Array.of(...R, ...S)
  for (let age = 0; ; age++) {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x }
    const claims = { iss: 'urn:latchkey:local-first', sub: principal, aud: APP, iat: NOW - age, exp: NOW + 600 }
    const text = `${encodeJson({ alg: 'EdDSA', typ: 'latchkey+jwt' })}.${encodeJson({ ...claims, sub_jwk: jwk })}`
    const input = utf8(text)
    if ((numberOf(sha512(Uint8Array.of(...R, ...key, ...input))) % ORDER) % 8n === 0n)
      return { token: `${text}.${encodeBase64url(signature)}`, input, signature }
  }
}

/** The group order L (RFC 8032 §5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** @param {Uint8Array<ArrayBuffer>} key @param {Uint8Array<ArrayBuffer>} input @param {Uint8Array<ArrayBuffer>} signature */
async function isAcceptedHere(key, input, signature) {
  try {
    const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', imported, signature, input)
  } catch {
    return false
  }
}

/** Each request of this table, and the verdict on it: the source and the principal, or the reason of the refusal. */
async function checkResolver() {
  const device = await testDevice('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')
  const keys = { ES256: await keyPair('ES256'), RS256: await keyPair('RS256'), EdDSA: await keyPair('EdDSA') }
  const set = { keys: await Promise.all(Object.values(keys).map(({ jwk }) => jwk)) }
  const resolver = createSessionResolver({
    clock,
    localFirst: {
      audience: APP,
      lookup: async (principal) => (principal === device.principal ? 'active' : 'disabled'),
    },
    external: {
      issuer: ISSUER,
      jwksUrl: `${ISSUER}/jwks`,
      audience: APP,
      fetch: async () => Response.json(set),
    },
    cookieSession: { origins: [APP], names: ['session'], read: async () => ({ principal: 'ada' }) },
  })
  const token = await device.token({ audience: APP, now: NOW })
  const [header, claims, signature] = /** @type {[string, string, string]} */ (token.split('.'))
  const stranger = await testDevice('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  /** @param {'ES256' | 'RS256' | 'EdDSA'} alg @param {object} [more] @param {object} [protectedHeader] */
  const issue = (alg, more, protectedHeader) =>
    new SignJWT({ iss: ISSUER, sub: 'ada', aud: APP, iat: NOW, exp: NOW + 900, ...more })
      .setProtectedHeader({ alg, kid: alg, ...protectedHeader })
      .sign(keys[alg].privateKey, { crit: { exp: true } })

  /** @type {[what: string, headers: Record<string, string>, verdict: string, method?: string][]} */
  const table = [
    ['nothing', {}, 'none null'],
    ['a local-first token', bearer(token), `local-first ${device.principal}`],
    ['the same again', bearer(token), `local-first ${device.principal}`],
    [
      'another payload',
      bearer(`${header}.${encodeJson({ ...decodeJson(claims), iat: NOW - 1 })}.${signature}`),
      'TOKEN_SIGNATURE_INVALID',
    ],
    ['an expired token', bearer(await device.token({ audience: APP, now: NOW - 10_000 })), 'TOKEN_EXPIRED'],
    ['a token of tomorrow', bearer(await device.token({ audience: APP, now: NOW + 86_400 })), 'TOKEN_NOT_YET_VALID'],
    ['another audience', bearer(await device.token({ audience: ISSUER, now: NOW })), 'TOKEN_AUDIENCE_MISMATCH'],
    [
      'a proof as a token',
      bearer(await device.proof({ audience: APP, now: NOW, purpose: 'upgrade' })),
      'TOKEN_TYPE_UNEXPECTED',
    ],
    ['a key that is disabled', bearer(await stranger.token({ audience: APP, now: NOW })), 'PRINCIPAL_DISABLED'],
    ['no signature', bearer(`${header}.${claims}.`), 'TOKEN_SIGNATURE_NOT_CANONICAL'],
    [
      'the algorithm none',
      bearer(`${encodeJson({ alg: 'none', typ: 'latchkey+jwt' })}.${claims}.`),
      'TOKEN_ALGORITHM_FORBIDDEN',
    ],
    ['two tokens', bearer(`${token}, Bearer ${token}`), 'CREDENTIAL_MALFORMED'],
    ['something else', bearer('x.y.z'), 'TOKEN_ENCODING_INVALID'],
    ['ES256', bearer(await issue('ES256')), 'external ada'],
    ['RS256', bearer(await issue('RS256')), 'external ada'],
    ['EdDSA', bearer(await issue('EdDSA')), 'external ada'],
    ['a changed external token', bearer(`${(await issue('ES256')).slice(0, -8)}AAAAAAAA`), 'TOKEN_SIGNATURE_INVALID'],
    ['an expired external token', bearer(await issue('RS256', { exp: NOW - 60 })), 'TOKEN_EXPIRED'],
    ['another issuer', bearer(await issue('EdDSA', { iss: 'https://evil.example' })), 'ISSUER_UNKNOWN'],
    [
      'an external token for another audience',
      bearer(await issue('ES256', { aud: 'other' })),
      'TOKEN_AUDIENCE_MISMATCH',
    ],
    ['an unknown key', bearer(await issue('ES256', {}, { kid: 'other' })), 'TOKEN_KEY_UNKNOWN'],
    [
      'a critical extension',
      bearer(await issue('ES256', {}, { crit: ['exp'], exp: NOW })),
      'TOKEN_ALGORITHM_FORBIDDEN',
    ],
    ['a cookie', { cookie: 'session=1' }, 'cookie ada', 'GET'],
    ['a cookie of the app', { cookie: 'session=1', origin: APP }, 'cookie ada', 'POST'],
    ['a cookie of nowhere', { cookie: 'session=1' }, 'COOKIE_ORIGIN_REFUSED', 'POST'],
    [
      'a cookie of another site',
      { cookie: 'session=1', origin: 'https://evil.example' },
      'COOKIE_ORIGIN_REFUSED',
      'POST',
    ],
  ]
  const wrong = []
  for (const [what, headers, expected, method = 'GET'] of table) {
    // `Request` of some runtimes removes what a page may not set.
    for (const request of [
      { method, headers },
      { method, headers: new Headers(headers) },
    ]) {
      const found = await resolver.resolve(request)
      const verdict = found.ok ? `${found.source} ${found.session.principal}` : found.reason
      if (verdict !== expected) wrong.push(`${what}: expected ${expected}, found ${verdict}`)
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  return `${table.length} verdicts, signatures by ${nodeCrypto() ? 'node:crypto' : 'WebCrypto'}`
}

/** @param {string} alg */
async function keyPair(alg) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, alg } }
}

/** @param {string} token */
const bearer = (token) => ({ authorization: `Bearer ${token}` })

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
const utf8 = (text) => new TextEncoder().encode(text)

/** @param {object} members */
const encodeJson = (members) => encodeBase64url(utf8(JSON.stringify(members)))

/** @param {string} part */
const decodeJson = (part) => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')))

/** @param {string} hex @returns {Uint8Array<ArrayBuffer>} */
const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

/** @param {Uint8Array} bytes little-endian */
const numberOf = (bytes) => bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)
