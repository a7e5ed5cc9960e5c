// `node e2e/bench/resolve.mjs`: a whole resolution beside jose and fast-jwt, which check the same token with the same
// key.
import { pathToFileURL } from 'node:url'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import { createSessionResolver } from 'latchkey/server'
import { compare, print, printTable } from './compare.mjs'
import { AUDIENCE, externalKind, localFirstKind } from './tokens.mjs'

/** So many that a cache of one never holds the next. */
const TOKENS = 200

/** @typedef {import('./tokens.mjs').Kind} Kind */

/** @param {Kind} kind @param {boolean} cached */
function resolverOf({ name, issuer, jwk, alg }, cached) {
  const source =
    name === 'local-first'
      ? { localFirst: { audience: AUDIENCE, afterUpgrade: /** @type {const} */ ('allow') } }
      : {
          external: {
            issuer,
            audience: AUDIENCE,
            algorithms: [alg],
            publicKey: /** @type {Record<string, unknown>} */ (jwk),
          },
        }
  // A cache of one still knows the key, as the peers do.
  return createSessionResolver({ ...source, ...(!cached && { cacheSize: 1 }) })
}

/** @param {Kind} kind */
function joseOf({ key, alg, issuer, type }) {
  const checks = {
    algorithms: [alg],
    issuer,
    audience: AUDIENCE,
    requiredClaims: ['exp', 'sub'],
    ...(type && { typ: type }),
  }
  return (/** @type {string} */ token) => jwtVerify(token, key, checks)
}

/** @param {Kind} kind @param {boolean} cached */
function fastJwtOf({ pem, alg, issuer, type }, cached) {
  return createVerifier({
    key: pem,
    algorithms: [/** @type {import('fast-jwt').Algorithm} */ (alg)],
    allowedIss: issuer,
    allowedAud: AUDIENCE,
    requiredClaims: ['exp', 'sub'],
    cache: cached ? 10_000 : false,
    ...(type && { checkTyp: type }),
  })
}

/** Gives a call the tokens in turn. @param {readonly string[]} tokens @param {(token: string) => unknown} call */
function each(tokens, call) {
  let next = 0
  return () => call(tokens[next++ % tokens.length] ?? '')
}

/** @param {Kind} kind @param {boolean} cached */
async function measure(kind, cached) {
  const resolver = resolverOf(kind, cached)
  const requests = kind.tokens.map((token) => ({
    authorization: `Bearer ${token}`,
    host: 'notes.example',
    accept: '*/*',
  }))
  for (const request of requests) if (!(await resolver.resolve(request)).ok) throw new Error(`${kind.name}: refused`)
  let next = 0
  const subject = () => resolver.resolve(requests[next++ % TOKENS] ?? {})
  const title = `Resolve a token, ${kind.name}, ${cached ? 'seen before' : 'never seen, its key known'}`
  const ours = `latchkey resolver, ${cached ? 'token in its cache' : 'cache off'}`
  const size = { operations: cached ? 1000 : 400 }
  print(
    title,
    ours,
    'jose jwtVerify, which has no cache',
    await compare(subject, each(kind.tokens, joseOf(kind)), size),
  )
  print(
    title,
    ours,
    `fast-jwt, ${cached ? 'token in its cache' : 'cache off'}`,
    await compare(subject, each(kind.tokens, fastJwtOf(kind, cached)), size),
  )
}

export async function benchResolve() {
  for (const kind of [
    await localFirstKind(TOKENS),
    await externalKind('RS256', TOKENS),
    await externalKind('ES256', TOKENS),
    await externalKind('EdDSA', TOKENS),
  ]) {
    for (const cached of [false, true]) await measure(kind, cached)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await benchResolve()
  printTable()
}
