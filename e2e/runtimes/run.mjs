// Runs the programs of `hosts` on one runtime.
import { AsyncLocalStorage } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from './bundle.mjs'

/**
 * @typedef {import('../databases/acts.mjs').Finding} Finding
 * @typedef {import('./runtimes.mjs').Runtime} Runtime
 */

/**
 * Runs everything on one runtime.
 *
 * @param {Runtime} runtime
 * @param {string} folder where its packages are installed
 * @returns {Promise<import('./table.mjs').Result>}
 */
export async function runOn(runtime, folder) {
  return {
    version: versionOf(runtime, folder),
    core: await attempt('start', () => runCore(runtime, folder)),
    plugin: await attempt('start', () => runPlugin(runtime, folder)),
  }
}

/** @param {string} name @param {() => Promise<Finding[]>} run @returns {Promise<Finding[]>} */
async function attempt(name, run) {
  try {
    return await run()
  } catch (error) {
    return [{ name, ok: false, detail: String(/** @type {any} */ (error)?.message ?? error) }]
  }
}

/** @param {Runtime} runtime @param {string} folder */
async function runCore(runtime, folder) {
  const { code } = await bundle(`core-${runtime.kind}`, { format: formatFor(runtime) })
  return run(runtime, folder, 'core', code)
}

/** @param {Runtime} runtime @param {string} folder */
async function runPlugin(runtime, folder) {
  const { host, conditions, missing } = runtime.plugin
  const external = ['node:*', 'bun:*', '@libsql/*']
  const { code } = await bundle(host, { format: formatFor(runtime), conditions, external })
  const running = run(runtime, folder, 'plugin', code)
  if (missing === undefined) return running
  const problem = await running.then(
    () => 'it starts',
    (error) => String(error.message),
  )
  return [{ name: 'start', ok: problem.includes(missing), detail: problem }]
}

/** @param {Runtime} runtime */
const formatFor = ({ kind }) => (kind === 'edge' ? 'iife' : 'esm')

/** @param {Runtime} runtime @param {string} folder @param {string} name @param {string} code */
function run({ kind, id, command = [], flags = [] }, folder, name, code) {
  if (kind === 'process') return runProcess(folder, command, write(folder, id, name, code))
  return kind === 'edge' ? askEdge(folder, code) : askWorker(folder, code, flags)
}

/** @param {string} folder @param {string} id @param {string} name @param {string} code */
function write(folder, id, name, code) {
  mkdirSync(join(folder, id), { recursive: true })
  const file = join(folder, id, `${name}.mjs`)
  writeFileSync(file, code)
  return file
}

/** @param {string} folder @param {string[]} command @param {string} file @returns {Promise<Finding[]>} */
async function runProcess(folder, [program = '', ...parameters], file) {
  const running = promisify(execFile)(join(folder, 'node_modules', program), [...parameters, file], {
    cwd: folder,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
    maxBuffer: Infinity,
  })
  return JSON.parse((await running).stdout)
}

/** @param {string} folder @param {string} code @param {string[]} compatibilityFlags @returns {Promise<Finding[]>} */
async function askWorker(folder, code, compatibilityFlags) {
  const { Miniflare } = createRequire(join(folder, 'package.json'))('miniflare')
  let output = ''
  const worker = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: code }],
    compatibilityDate: '2026-01-01',
    compatibilityFlags,
    d1Databases: ['DB'],
    handleRuntimeStdio: (/** @type {NodeJS.ReadableStream[]} */ ...streams) => {
      for (const stream of streams) stream.on('data', (text) => (output += text))
    },
  })
  try {
    const response = await worker.dispatchFetch('https://notes.example/')
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return JSON.parse(text)
  } catch (error) {
    throw new Error(output || String(error), { cause: error })
  } finally {
    // It ends with the same error if the worker did not start.
    await worker.dispose().catch(() => {})
  }
}

/** @param {string} folder @param {string} code @returns {Promise<Finding[]>} */
async function askEdge(folder, code) {
  const { EdgeRuntime } = createRequire(join(folder, 'package.json'))('edge-runtime')
  // Next gives it to what runs there: without it, Better Auth mixes up requests that run at the same time.
  const extend = (/** @type {object} */ context) => Object.assign(context, { AsyncLocalStorage })
  const response = await new EdgeRuntime({ extend, initialCode: code }).dispatchFetch('https://notes.example/')
  return response.json()
}

/** @param {Runtime} runtime @param {string} folder @returns {string} */
function versionOf({ packages, versioned: name = Object.keys(packages)[0] ?? '' }, folder) {
  return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version
}
