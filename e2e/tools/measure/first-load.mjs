// Measures what a page loads, gzipped: the first load of `createAuth()` and everything, in four bundlers.
// `node e2e/tools/measure/first-load.mjs [ROOT] [--bundlers FOLDER]` measures the built package in ROOT. Rollup and
// webpack are no dependencies; they are left out unless FOLDER has them:
// `npm i --prefix FOLDER rollup @rollup/plugin-node-resolve @rollup/plugin-terser webpack`.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { bundle } from '../build/bundle.mjs'

/** @typedef {{ name: string, first: boolean, code: string | Buffer }} Part */

const { values, positionals } = parseArgs({ options: { bundlers: { type: 'string' } }, allowPositionals: true })
const root = resolve(positionals[0] ?? fileURLToPath(new URL('../../..', import.meta.url)))
const entry = join(root, 'e2e/bench/entries/latchkey.mjs')
const sizeLimit = createRequire(createRequire(import.meta.url).resolve('@size-limit/esbuild'))
const others = values.bundlers && createRequire(join(resolve(values.bundlers), 'package.json'))

/** @param {string} name @returns {Promise<any>} */
const load = (name) => import(pathToFileURL(/** @type {NodeJS.Require} */ (others).resolve(name)).href)

/** @returns {Promise<Part[]>} */
async function withEsbuild() {
  const { build } = sizeLimit('esbuild')
  const common = { bundle: true, minify: true, format: 'esm', splitting: true, target: 'esnext', write: false }
  const { outputFiles, metafile } = await build({ ...common, entryPoints: [entry], outdir: '/out', metafile: true })
  /** @type {Map<string, any>} */
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [resolve('/', path), output]))
  const nameOf = (/** @type {string} */ path) => /** @type {string} */ (path.split('/').at(-1))
  const isEntry = (/** @type {string} */ path) => nameOf(path).startsWith('latchkey')
  const start = outputFiles.find((/** @type {{ path: string }} */ { path }) => isEntry(path))
  const first = new Set([nameOf(start.path)])
  for (const name of first) {
    const [, output] = /** @type {[string, any]} */ ([...outputs].find(([path]) => nameOf(path) === name))
    for (const { path, kind } of output.imports) if (kind === 'import-statement') first.add(nameOf(path))
  }
  return outputFiles.map((/** @type {{ path: string, contents: Uint8Array }} */ { path, contents }) => ({
    name: nameOf(path),
    first: first.has(nameOf(path)),
    code: Buffer.from(contents),
  }))
}

/** @returns {Promise<Part[]>} */
async function withRollup() {
  const { rollup } = await load('rollup')
  const { nodeResolve } = await load('@rollup/plugin-node-resolve')
  const { default: terser } = await load('@rollup/plugin-terser')
  const bundled = await rollup({
    input: entry,
    preserveEntrySignatures: false,
    plugins: [nodeResolve({ browser: true }), terser({ module: true })],
  })
  const { output } = await bundled.generate({ format: 'es' })
  await bundled.close()
  const start = output.find((/** @type {{ isEntry: boolean }} */ { isEntry }) => isEntry)
  const first = new Set([start.fileName, ...start.imports])
  return output.map((/** @type {{ fileName: string, code: string }} */ { fileName, code }) => ({
    name: fileName,
    first: first.has(fileName),
    code,
  }))
}

/** @returns {Promise<Part[]>} the first load includes webpack's own runtime */
async function withWebpack() {
  const { default: webpack } = await load('webpack')
  const path = mkdtempSync(join(tmpdir(), 'latchkey-webpack-'))
  try {
    const compiler = webpack({ mode: 'production', context: root, entry: { latchkey: entry }, output: { path } })
    await new Promise((done, fail) =>
      compiler.run((/** @type {unknown} */ error, /** @type {any} */ stats) =>
        error || stats.hasErrors() ? fail(error ?? new Error(stats.toString())) : done(undefined),
      ),
    )
    const names = readdirSync(path).filter((name) => name.endsWith('.js'))
    return names.map((name) => ({
      name,
      first: name.startsWith('latchkey'),
      code: readFileSync(join(path, name)),
    }))
  } finally {
    rmSync(path, { recursive: true })
  }
}

const bundlers = {
  Vite: () => bundle(entry),
  esbuild: withEsbuild,
  ...(others && { Rollup: withRollup, webpack: withWebpack }),
}
const count = (/** @type {number} */ bytes) => bytes.toLocaleString('en').padStart(7)
console.log(`createAuth() in ${root}: bytes, minified and gzipped`)
console.log('           first   later  @noble')
for (const [name, run] of Object.entries(bundlers)) {
  const parts = await run()
  const sum = (/** @type {(part: Part) => boolean} */ isMeant) =>
    parts.filter(isMeant).reduce((total, { code }) => total + gzipSync(code, { level: 9 }).length, 0)
  // The first constant of SHA-256: minifiers write it either way.
  const isNoble = (/** @type {Part} */ { code }) => /0x428a2f98|1116352408/.test(String(code))
  const columns = [sum(({ first }) => first), sum((part) => !part.first && !isNoble(part)), sum(isNoble)]
  console.log(`  ${name.padEnd(7)} ${columns.map(count).join(' ')}`)
}
