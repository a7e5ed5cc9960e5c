// `node e2e/bench/verify.mjs`: verifying a local-first token, beside bare node:crypto on the same bytes.
import { createPublicKey, verify } from 'node:crypto'
import { createSessionResolver, createTokenVerifier } from 'latchkey/server'
import { testDevice } from 'latchkey/testing'
import { pathToFileURL } from 'node:url'
import { compare, print, printTable } from './compare.mjs'

const AUDIENCE = 'https://notes.example'
const DEVICES = 2000

/** @param {string} token */
function bareVerifier(token) {
  const [header, payload, signature] = token.split('.')
  const jwk = JSON.parse(Buffer.from(payload, 'base64url').toString()).sub_jwk
  const input = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  return { jwk, key: createPublicKey({ key: jwk, format: 'jwk' }), input, bytes }
}

/**
 * Without a cache that could hold the next token.
 *
 * @param {'native' | undefined} verifier
 */
function resolverOf(verifier) {
  try {
    return createSessionResolver({
      localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
      cacheSize: 1,
      ...(verifier && { verifier }),
    })
  } catch (error) {
    if (/** @type {{ code?: unknown }} */ (error).code !== 'VERIFIER_UNAVAILABLE') throw error
    console.log('\nsodium-native is not installed: no figures of it')
    return undefined
  }
}

export async function benchVerify() {
  const device = await testDevice()
  const token = await device.token({ audience: AUDIENCE })
  const { key, input, bytes } = bareVerifier(token)
  const bare = () => verify(null, input, key, bytes)

  const uncached = createTokenVerifier({ audience: AUDIENCE, cacheSize: 1 })
  // One key stays known while its tokens change: the cache of tokens holds one, and it is never this one.
  const tokens = await Promise.all(
    Array.from({ length: 200 }, (_, index) => device.token({ audience: AUDIENCE, lifetime: 600 + index })),
  )
  let next = 0
  print(
    'Verify a local-first token, key known',
    'latchkey, every check',
    'bare node:crypto verify of the same bytes',
    await compare(() => uncached.verify(tokens[next++ % tokens.length] ?? token), bare),
  )

  const requests = tokens.map((each) => ({ authorization: `Bearer ${each}`, host: 'notes.example', accept: '*/*' }))
  for (const verifier of /** @type {const} */ ([undefined, 'native'])) {
    const resolver = resolverOf(verifier)
    if (!resolver) continue
    print(
      'Verify a local-first token, key known',
      `latchkey, the whole resolver${verifier ? ', with sodium-native' : ''}`,
      'bare node:crypto verify of the same bytes',
      await compare(() => resolver.resolve(requests[next++ % requests.length] ?? {}), bare),
    )
  }

  const cached = createTokenVerifier({ audience: AUDIENCE })
  await cached.verify(token)
  print(
    'Verify a local-first token, token known',
    'latchkey, from its cache',
    'bare node:crypto verify of the same bytes',
    await compare(() => cached.verify(token), bare),
  )

  const strangers = await Promise.all(
    Array.from({ length: DEVICES }, async () => (await testDevice()).token({ audience: AUDIENCE })),
  )
  const bareStrangers = strangers.map(bareVerifier)
  const strict = createTokenVerifier({ audience: AUDIENCE, cacheSize: 1 })
  let one = 0
  let other = 0
  print(
    'Verify a local-first token, key never seen',
    'latchkey, key checked for small order',
    'node:crypto, import of the JWK and verify',
    await compare(
      () => strict.verify(strangers[one++ % DEVICES] ?? token),
      () => {
        const stranger = bareStrangers[other++ % DEVICES]
        return (
          stranger &&
          verify(null, stranger.input, createPublicKey({ key: stranger.jwk, format: 'jwk' }), stranger.bytes)
        )
      },
      { operations: 500 },
    ),
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await benchVerify()
  printTable()
}
