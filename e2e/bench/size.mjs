// The browser entry, beside the least that Better Auth's anonymous sign-in needs.
import { fileURLToPath } from 'node:url'
import { bundle } from '../tools/build/bundle.mjs'

/** @param {string} name of a file in `entries` */
async function measure(name) {
  const chunks = await bundle(fileURLToPath(new URL(`entries/${name}.mjs`, import.meta.url)))
  const sum = (/** @type {boolean} */ first) =>
    chunks.filter((chunk) => chunk.first === first).reduce((total, { bytes }) => total + bytes, 0)
  return { first: sum(true), later: sum(false) }
}

/**
 * @param {string} name
 * @param {number} bytes
 */
function row(name, bytes) {
  console.log(`  ${name.padEnd(44)}${bytes.toLocaleString('en').padStart(12)} bytes`)
}

export async function benchSize() {
  const latchkey = await measure('latchkey')
  const peer = await measure('better-auth-anonymous')
  console.log('\nBrowser entry, minified and gzipped')
  row('latchkey: createAuth, first load', latchkey.first)
  row('better-auth/client with anonymousClient', peer.first)
  console.log(`  ratio ${(latchkey.first / peer.first).toFixed(2)}`)
  row('latchkey, later: the rest, and @noble if needed', latchkey.later)
}
