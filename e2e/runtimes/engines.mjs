// The engines of native apps, each by its command line: what a client does in them, without WebCrypto and a browser.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from './bundle.mjs'

/**
 * @typedef {object} Engine
 * @property {string} id
 * @property {string} name as in the table of the docs
 * @property {Record<string, string>} packages what has to be installed: name and range
 * @property {(folder: string) => string | undefined} find its command line; undefined where there is none
 * @property {(folder: string) => Promise<string>} versionOf
 * @property {(code: string, folder: string) => string} [compile] into a JavaScript that it knows
 * @property {string} how to get it
 *
 * @typedef {{ version: string, client: readonly import('./findings.mjs').Finding[] }} EngineResult
 */

const execute = promisify(execFile)
const HERMES = { darwin: 'osx-bin/hermes', linux: 'linux64-bin/hermes', win32: 'win64-bin/hermes.exe' }

/** @type {readonly Engine[]} */
export const ENGINES = [
  {
    id: 'hermes',
    name: 'Hermes',
    // The last one with a command line on npm.
    packages: { 'hermes-engine-cli': '0.12.0', '@babel/core': '7', '@babel/preset-env': '7' },
    find(folder) {
      const name = HERMES[/** @type {keyof typeof HERMES} */ (process.platform)]
      const program = join(folder, 'node_modules/hermes-engine-cli', name ?? '')
      return name && existsSync(program) ? program : undefined
    },
    versionOf: async (folder) =>
      JSON.parse(readFileSync(join(folder, 'node_modules/hermes-engine-cli/package.json'), 'utf8')).version,
    compile: toOldJavaScript,
    how: 'the package hermes-engine-cli has one for x64 Linux, macOS and Windows',
  },
  {
    id: 'jsc',
    name: 'JavaScriptCore (WebKitGTK)',
    packages: {},
    find: () => process.env['LATCHKEY_JSC'] ?? inPath('jsc'),
    // The program itself does not tell.
    versionOf: async () => process.env['LATCHKEY_JSC_VERSION'] ?? versionInDebian('libjavascriptcoregtk-*-bin'),
    how: 'apt install libjavascriptcoregtk-4.0-bin, or LATCHKEY_JSC names the program jsc',
  },
]

/** @param {string} name */
function inPath(name) {
  const places = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  return places.find((place) => existsSync(place))
}

/** @param {string} pattern of a package */
async function versionInDebian(pattern) {
  const asked = execute('dpkg-query', ['--show', '--showformat', '${Version}\n', pattern])
  const { stdout } = await asked.catch(() => ({ stdout: '' }))
  return /^[\d.]+/.exec(stdout)?.[0] ?? ''
}

/**
 * Runs the client in one engine.
 *
 * @param {Engine} engine
 * @param {string} folder where its packages are installed
 * @returns {Promise<EngineResult | null>} null where there is no such engine
 */
export async function runIn({ id, find, versionOf, compile }, folder) {
  const program = find(folder)
  if (!program) return null
  const { code } = await bundle('client-engine', { format: 'iife' })
  const file = join(folder, `${id}.js`)
  writeFileSync(file, compile ? compile(code, folder) : code)
  const client = await execute(program, [file], { maxBuffer: Infinity }).then(
    ({ stdout }) => JSON.parse(stdout),
    (error) => [{ name: 'start', ok: false, detail: String(error.message) }],
  )
  return { version: await versionOf(folder), client }
}

/**
 * Hermes 0.12 has neither classes nor async functions; React Native's build removes them in the same way.
 *
 * @param {string} code
 * @param {string} folder
 */
function toOldJavaScript(code, folder) {
  const require = createRequire(join(folder, 'package.json'))
  const options = {
    // It has these, and a power of BigInts is no power of numbers.
    exclude: ['transform-exponentiation-operator', 'transform-regenerator', 'transform-typeof-symbol'],
    modules: false,
  }
  return require('@babel/core').transformSync(code, {
    babelrc: false,
    compact: true,
    configFile: false,
    presets: [[require.resolve('@babel/preset-env'), options]],
    sourceType: 'script',
  }).code
}
