// What the client of a native app does, in an engine without WebCrypto and without anything of a browser. The phone's
// modules are stand-ins; the cryptography, the record and the client are real.
import { hashes, verify } from '@noble/ed25519'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { createExpoAuth } from 'latchkey/expo'
import { createRecovery } from 'latchkey/recovery'
import { decodeBase64url } from '../../dist/lib/identity/encoding.js'
import { memoryAccountServer } from 'latchkey/testing'
import { phone } from '../../adapters/expo/phone.testing.ts'
import { reproduceVector } from '../harness/vectors.ts'
import { expect, finding } from './findings.mjs'

/** @typedef {import('../harness/vectors.ts').Vector} Vector */

const APP = 'https://notes.example'

hashes.sha512 = sha512

/**
 * @param {{ vectors: readonly Vector[] }} data
 * @returns {Promise<import('./findings.mjs').Finding[]>}
 */
export async function clientConformance({ vectors }) {
  return [
    await finding('vectors', () => checkVectors(vectors)),
    await finding('identity', checkIdentity),
    await finding('account', checkAccount),
  ]
}

/** @param {readonly Vector[]} vectors */
async function checkVectors(vectors) {
  for (const vector of vectors)
    for (const [member, value] of Object.entries(await reproduceVector(vector, 'noble')))
      expect(value, vector[/** @type {keyof Vector} */ (member)], `${member} of ${vector.principal}`)
  return `${vectors.length} identities by @noble`
}

/** The first start, a token, a key, a backup by words, and the next start. */
async function checkIdentity() {
  const app = openApp()
  const first = await app.start()
  const { principal } = /** @type {any} */ (first.getState().session)
  expect(first.getState().storage.protection, 'keychain', 'the protection')
  const token = /** @type {string} */ (await first.getToken())
  expect([claimsOf(token).sub, claimsOf(token).aud, isSigned(token)], [principal, APP, true], 'the token')
  const key = await first.deriveKey('notes')
  expect(key.length, 32, 'the length of a derived key')
  const recovery = createRecovery(first)
  const { words, places, ...backup } = await recovery.beginBackup()
  expect([words.length, backup.principal], [24, principal], 'the words')
  first.close()

  const second = await app.start()
  expect(second.getState().session?.principal, principal, 'the principal at the next start')
  expect([...(await second.deriveKey('notes'))], [...key], 'the derived key at the next start')

  const other = await openApp().start()
  const restore = createRecovery(other)
  const preview = await restore.readPhrase(words.join(' '))
  await restore.importPhrase(preview, { replace: true, evenIfUnknown: true })
  expect(other.getState().session?.principal, principal, 'the principal of the words')
  return `${places.length} words to type; the next start and another phone have the same principal and keys`
}

/** A sign-up that keeps the principal, a start without a network, and a sign-out. */
async function checkAccount() {
  const app = openApp()
  const first = await app.start()
  const { principal } = /** @type {any} */ (first.getState().session)
  const { outcome } = await first.upgrade(() => app.signUp())
  expect(outcome, 'upgraded', 'the outcome of a sign-up')
  expect(app.proven(), principal, 'the principal in the proof')
  expect(first.getState().authMode, 'external', 'the mode after a sign-up')
  expect(first.getState().session?.principal, principal, 'the principal after a sign-up')
  expect(claimsOf(/** @type {string} */ (await first.getToken())).sub, principal, 'the account token')
  first.close()

  app.account.online = false
  const second = await app.start()
  expect([second.getState().authMode, second.getState().session?.principal], ['external', principal], 'offline')
  app.account.online = true
  await second.signOut()
  expect(second.getState().authMode, 'anonymous', 'the mode after a sign-out')
  return 'a sign-up keeps the principal; the next start without a network has it; a sign-out ends it'
}

/** An app on its own phone, and its account server. */
function openApp() {
  const device = phone()
  const server = memoryAccountServer()
  const account = server.connect()
  /** @type {(() => Promise<string>) | null} */
  let mint = null
  let proven = ''
  /** @type {import('latchkey').AccountProvider} */
  const provider = {
    ...account.provider,
    // The server in memory verifies with WebCrypto or `node:crypto`.
    async withProof(prove, run) {
      mint = prove
      try {
        return { result: await run(), sent: true }
      } finally {
        mint = null
      }
    },
  }
  return {
    account,
    proven: () => proven,
    async signUp() {
      const proof = mint ? await mint() : ''
      if (!isSigned(proof)) throw new Error('the sign-up carries no proof')
      proven = claimsOf(proof).sub
      server.accounts.set('ada', { accountId: 'ada', principal: proven, aliases: [], recoverable: false, claims: {} })
      account.setSession('ada')
      return { data: {} }
    },
    async start() {
      const auth = createExpoAuth({ ...device.modules, getRandomValues, audience: APP, account: provider })
      await auth.ready
      return auth
    },
  }
}

let drawn = 0

/**
 * Stands for `expo-crypto`: the engines' command lines have no source of random bytes.
 *
 * @param {Uint8Array} bytes
 */
function getRandomValues(bytes) {
  for (let at = 0; at < bytes.length; at += 32)
    bytes.set(sha256(new TextEncoder().encode(`not random ${++drawn}`)).subarray(0, bytes.length - at), at)
}

/** @param {string} jws @returns {any} */
const claimsOf = (jws) => JSON.parse(new TextDecoder().decode(decodeBase64url(jws.split('.')[1] ?? '')))

/** @param {string} jws by the key that it names */
function isSigned(jws) {
  const [header = '', claims = '', signature = ''] = jws.split('.')
  const key = decodeBase64url(claimsOf(jws).sub_jwk.x)
  return verify(decodeBase64url(signature), new TextEncoder().encode(`${header}.${claims}`), key)
}
