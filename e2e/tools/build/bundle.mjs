// Bundles a browser entry as an app would, to look at what a page has to load.
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/**
 * @typedef {object} Chunk
 * @property {string} name of the file
 * @property {boolean} first needed before anything runs; the others load later
 * @property {string} code minified by default
 * @property {number} bytes gzipped
 */

/**
 * @param {string} entry path of a module
 * @param {{ minify?: boolean, define?: Record<string, string>, plugins?: import('vite').Plugin[], format?: 'es' |
 *   'iife' }} options
 * @returns {Promise<Chunk[]>}
 */
export async function bundle(entry, { minify = true, define = {}, plugins = [], format = 'es' } = {}) {
  // Not as a page: that would add Vite's own preload helper to the first load.
  const output = await build({
    logLevel: 'silent',
    configFile: false,
    define,
    plugins,
    ssr: { noExternal: true },
    build: { write: false, minify, ssr: entry, rollupOptions: { output: { format } } },
  })
  const chunks = (Array.isArray(output) ? output : [output])
    .flatMap((part) => ('output' in part ? part.output : []))
    .filter((part) => part.type === 'chunk')
  const first = new Set(chunks.filter(({ isEntry }) => isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]))
  return chunks.map(({ fileName, code }) => ({
    name: fileName,
    first: first.has(fileName),
    code,
    bytes: gzipSync(code, { level: 9 }).length,
  }))
}
