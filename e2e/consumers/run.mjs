// `node run.mjs [consumer…]`: gives tokens of the exchange to the consumers, and prints what each does with them, as
// JSON.
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { toNodeHandler } from 'better-auth/node'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import { CONSUMERS } from './consumers.mjs'

/** @typedef {import('./consumers.mjs').Given} Given */

const AUDIENCE = 'https://sync.example'
/** @type {readonly Given['algorithm'][]} */
const ALGORITHMS = ['EdDSA', 'ES256', 'RS256']
/** What a cell of the table is called after: the options of `exchange` with which the token is accepted. */
const OPTIONS = { yes: {}, typ: { type: 'JWT' }, clientId: { clientId: 'notes-web' } }
/** For SurrealDB. */
const CLAIMS = { ns: 'notes', db: 'notes', ac: 'latchkey' }

const device = await testDevice()

/**
 * Starts a server and fetches a token there.
 *
 * @param {Given['algorithm']} algorithm
 * @param {object} options of `exchange`
 * @returns {Promise<Given>}
 */
async function tokenOf(algorithm, options) {
  const http = createServer()
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
  const issuer = `http://127.0.0.1:${port}`
  const base = `${issuer}/api/auth`
  const auth = betterAuth({
    baseURL: issuer,
    secret: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
    logger: { disabled: true },
    plugins: [
      latchkey({ exchange: { audiences: [AUDIENCE], algorithm, claims: () => CLAIMS, ...options } }),
      latchkeyJwt({ jwks: { keyPairConfig: /** @type {any} */ ({ alg: algorithm }) } }),
    ],
  })
  http.on('request', toNodeHandler(auth))
  const response = await fetch(`${base}/latchkey/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: issuer },
    body: JSON.stringify({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: AUDIENCE,
      subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
      subject_token: await device.proof({ audience: base, purpose: 'exchange' }),
    }),
  })
  const { access_token: token, ...refused } = await response.json()
  if (!token) throw new Error(`no token with ${algorithm}: ${JSON.stringify(refused)}`)
  const jwksUrl = `${base}/jwks`
  const jwks = await (await fetch(jwksUrl)).json()
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString())
  const jwk = jwks.keys.find((/** @type {any} */ key) => key.kid === kid)
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
  return { token, algorithm, issuer, audience: AUDIENCE, jwksUrl, jwks, jwk, pem }
}

/**
 * The same token, and its keys with a `use`, at an address of the app's own.
 *
 * @param {Given} given
 * @returns {Promise<Given>}
 */
async function withUse(given) {
  const keys = given.jwks.keys.map((/** @type {any} */ key) => ({ ...key, use: 'sig' }))
  const http = createServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })),
  )
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address())
  const jwk = keys.find((/** @type {any} */ key) => key.kid === given.jwk.kid)
  return { ...given, jwksUrl: `http://127.0.0.1:${port}/jwks`, jwks: { keys }, jwk }
}

/** @param {Given} given @returns {Given} */
function forged(given) {
  const token = given.token.replace(/\.(.)([^.]*)$/, (_, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`)
  return { ...given, token }
}

/**
 * @param {import('./consumers.mjs').Consumer} consumer
 * @param {Given} given
 * @returns {Promise<string | null>} why the token is refused; null if it is accepted
 */
async function refusalBy({ subjectOf }, given) {
  try {
    const subject = await subjectOf(given)
    return subject === device.principal ? null : `the subject is ${String(subject)}`
  } catch (error) {
    return String(error)
  }
}

/**
 * @param {import('./consumers.mjs').Consumer} consumer
 * @param {Record<string, Given>} tokens by what a cell is called after
 */
async function cellOf(consumer, tokens) {
  /** @type {Record<string, string | null>} */
  const refusals = {}
  for (const [name, given] of Object.entries(tokens)) refusals[name] = await refusalBy(consumer, given)
  const cell = Object.keys(tokens).find((name) => refusals[name] === null) ?? 'no'
  const isChecked = cell === 'no' || (await refusalBy(consumer, forged(tokens[cell]))) !== null
  return { cell: isChecked ? cell : 'accepts a forged token', refusals }
}

const chosen = process.argv.slice(2)
/** @type {Record<string, Record<string, Given>>} */
const tokens = {}
for (const algorithm of ALGORITHMS) {
  const made = Object.entries(OPTIONS).map(async ([name, options]) => [name, await tokenOf(algorithm, options)])
  tokens[algorithm] = Object.fromEntries(await Promise.all(made))
  tokens[algorithm]['use'] = await withUse(tokens[algorithm]['yes'])
}
/** @type {Record<string, Record<string, Awaited<ReturnType<typeof cellOf>>>>} */
const results = {}
for (const consumer of CONSUMERS) {
  if (chosen.length > 0 && !chosen.includes(consumer.id)) continue
  results[consumer.id] = {}
  for (const algorithm of ALGORITHMS) results[consumer.id][algorithm] = await cellOf(consumer, tokens[algorithm])
}
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0))
