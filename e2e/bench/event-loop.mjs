// `node e2e/bench/event-loop.mjs`: how long a cheap route waits beside 64 tokens that are verified, synchronously by
// the resolver and in the thread pool by jose.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { jwtVerify } from 'jose'
import { createSessionResolver } from 'latchkey/server'
import { median } from './compare.mjs'
import { AUDIENCE, externalKind } from './tokens.mjs'

const IN_FLIGHT = 64
const REQUESTS = 1280
const ROUNDS = 7

/** Each lane sends its next request in a later turn of the loop, as a socket would. @param {() => unknown} verify */
async function waits(verify) {
  let left = REQUESTS
  let isDone = false
  const lane = async () => {
    while (left-- > 0) {
      await nextTurn()
      await verify()
    }
  }
  /** @type {number[]} */
  const found = []
  const cheap = async () => {
    while (!isDone) {
      const start = performance.now()
      // Every millisecond: a loop that waits for the pool would otherwise spin, and count its idle turns.
      await sleep(1)
      found.push(performance.now() - start)
    }
  }
  const probe = cheap()
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  isDone = true
  await probe
  return found.sort((a, b) => a - b)[Math.floor(found.length * 0.99)] ?? 0
}

export async function benchEventLoop() {
  console.log(
    `\nWait of a cheap route beside ${IN_FLIGHT} requests in flight, 99th percentile, median of ${ROUNDS} rounds`,
  )
  for (const alg of /** @type {const} */ (['RS256', 'ES256', 'EdDSA'])) {
    const { issuer, jwk, key, tokens } = await externalKind(alg, 200)
    const publicKey = /** @type {Record<string, unknown>} */ (jwk)
    const resolver = createSessionResolver({ external: { issuer, audience: AUDIENCE, publicKey }, cacheSize: 0 })
    let next = 0
    const token = () => tokens[next++ % tokens.length] ?? ''
    const ours = () => resolver.resolve({ authorization: `Bearer ${token()}` })
    const theirs = () => jwtVerify(token(), key, { issuer, audience: AUDIENCE, algorithms: [alg] })
    /** @type {[number[], number[]]} */
    const found = [[], []]
    for (const run of [ours, theirs]) await waits(run)
    for (let round = 0; round < ROUNDS; round++) {
      found[0].push(await waits(ours))
      found[1].push(await waits(theirs))
    }
    console.log(`  ${alg}   latchkey ${median(found[0]).toFixed(1)} ms   jose ${median(found[1]).toFixed(1)} ms`)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await benchEventLoop()
