// `node --expose-gc memory.worker.mjs <kind>`: fills the cache of a resolver, and writes how much it holds.
import { createSessionResolver } from 'latchkey/server'
import { testDevice } from 'latchkey/testing'
import { AUDIENCE, externalKind } from './tokens.mjs'

/**
 * Tokens are made as they are used: what is measured is what the resolver keeps of them.
 *
 * @type {Record<string, () => Promise<{ sessions: number, options: import('latchkey/server').SessionResolverOptions,
 *   token: (index: number) => Promise<string> }>>}
 */
const KINDS = {
  async 'one-device'() {
    const device = await testDevice()
    // Second by second and lifetime by lifetime there are enough of them.
    const start = Math.floor(Date.now() / 1000)
    return {
      sessions: 100_000,
      options: localFirst(),
      token: (index) =>
        device.token({ audience: AUDIENCE, now: start - (index % 300), lifetime: 3599 - Math.floor(index / 300) }),
    }
  },
  async devices() {
    // Fewer, for a key takes longer to make than a token. They fill a Map to the same part as 100,000 do.
    return {
      sessions: 12_500,
      options: localFirst(),
      token: async () => (await testDevice()).token({ audience: AUDIENCE, lifetime: 3600 }),
    }
  },
  async external() {
    const { issuer, jwk, sign } = await externalKind('ES256', 0)
    return {
      sessions: 20_000,
      options: { external: { issuer, audience: AUDIENCE, publicKey: /** @type {Record<string, unknown>} */ (jwk) } },
      token: sign,
    }
  },
}

/** @returns {import('latchkey/server').SessionResolverOptions} */
function localFirst() {
  return { localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } }
}

function held() {
  for (let run = 0; run < 4; run++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** @param {string} kind */
async function fill(kind) {
  const make = KINDS[kind]
  if (!make) throw new Error('expected one-device, devices or external')
  const { sessions, options, token } = await make()
  const resolver = createSessionResolver({ ...options, cacheSize: sessions })
  const forgetful = createSessionResolver({ ...options, cacheSize: 0 })
  // Warm first, without keeping anything: compiled code is not a session.
  for (let index = 0; index < 500; index++) await forgetful.resolve({ authorization: `Bearer ${await token(index)}` })
  const before = held()
  let characters = 0
  for (let index = 0; index < sessions; index++) {
    const text = await token(index)
    characters += text.length
    const { ok } = await resolver.resolve({ authorization: `Bearer ${text}` })
    if (!ok) throw new Error('refused')
  }
  const after = held()
  // Still there, all of them: the first one too.
  const { ok } = await resolver.resolve({ authorization: `Bearer ${await token(0)}` })
  if (!ok) throw new Error('refused')
  return { sessions, characters: characters / sessions, bytes: after - before }
}

process.stdout.write(JSON.stringify(await fill(process.argv[2] ?? '')))
