// Bundles a program of `hosts` from the built package, as an app for that runtime would.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { build } = createRequire(createRequire(import.meta.url).resolve('@size-limit/esbuild'))('esbuild')
const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))

/** Where the vectors of https://github.com/C2SP/wycheproof are: they are not part of this project. */
const WYCHEPROOF = process.env['LATCHKEY_WYCHEPROOF'] ?? at('../../../shared/vectors/wycheproof')

/**
 * What `conformance` takes.
 *
 * @returns {import('./conformance.mjs').Data}
 */
export function readData() {
  const file = `${WYCHEPROOF}/ed25519_test.json`
  return {
    vectors: JSON.parse(readFileSync(at('../../lib/vectors/latchkey-v1.json'), 'utf8')).identities,
    wycheproof: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null,
  }
}

/**
 * @typedef {object} Target
 * @property {'esm' | 'iife'} [format]
 * @property {string[]} [conditions] of `exports` in package.json
 * @property {string[]} [external]
 */

/** @type {Map<string, ReturnType<typeof buildBundle>>} */
const bundles = new Map()

/**
 * Bundles a program once for all runtimes that need the same.
 *
 * @param {string} host name of a file in `hosts`
 * @param {Target} [target] without `external`, the bundle must need no module of the runtime
 * @returns {Promise<{ code: string, imports: string[] }>} `imports`: what is left to the runtime
 */
export function bundle(host, target = {}) {
  const key = JSON.stringify([host, target])
  const made = bundles.get(key) ?? buildBundle(host, target)
  bundles.set(key, made)
  return made
}

/** @param {string} host @param {Target} target @returns {Promise<{ code: string, imports: string[] }>} */
async function buildBundle(host, { format = 'esm', conditions = [], external = [] }) {
  const result = await build({
    entryPoints: [at(`hosts/${host}.mjs`)],
    absWorkingDir: at('../..'),
    bundle: true,
    write: false,
    metafile: true,
    format,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: [...conditions, 'import'],
    external,
    logLevel: 'silent',
    plugins: [dataPlugin],
  })
  const [{ imports }] = Object.values(result.metafile.outputs)
  return {
    code: result.outputFiles[0].text,
    imports: imports.map((/** @type {{ path: string }} */ { path }) => path),
  }
}

const dataPlugin = {
  name: 'data',
  setup(/** @type {any} */ { onResolve, onLoad }) {
    // package.json says that no module of the package has side effects.
    onResolve({ filter: /engine-globals/ }, () => ({ path: at('hosts/engine-globals.mjs'), sideEffects: true }))
    onResolve({ filter: /^data$/ }, () => ({ path: 'data', namespace: 'data' }))
    onLoad({ filter: /.*/, namespace: 'data' }, () => ({ contents: JSON.stringify(readData()), loader: 'json' }))
  },
}
