// `npm run test:runtimes`: installs each runtime and runs the conformance suite and the plugin's battery on it, and the
// client in the engines of native apps that are found. Parameters name runtimes of e2e/runtimes/runtimes.mjs and
// engines of e2e/runtimes/engines.mjs. `--write` keeps the results for docs/runtimes.md.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readData } from '../../runtimes/bundle.mjs'
import { ENGINES, runIn } from '../../runtimes/engines.mjs'
import { runOn } from '../../runtimes/run.mjs'
import { RUNTIMES } from '../../runtimes/runtimes.mjs'
import { engineTableOf, tableOf } from '../../runtimes/table.mjs'
import { readNames } from '../build/names.mjs'

const isWritten = process.argv.includes('--write')
const ids = [...RUNTIMES, ...ENGINES].map(({ id }) => id)
const named = readNames('runtime or engine', ids, ['--write'])
const isMeant = (/** @type {{ id: string }} */ { id }) => named.length === 0 || named.includes(id)
const [runtimes, engines] = [RUNTIMES.filter(isMeant), ENGINES.filter(isMeant)]
const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))
const resultsFile = at('../../runtimes/results.json')

/** Kept: the next run installs only what is new. */
const folder = at('../../.runtimes')

/** Seconds since the last call. */
const lap = startClock()

function startClock() {
  let before = performance.now()
  return () => {
    const since = performance.now() - before
    before += since
    return `${(since / 1000).toFixed(1)} s`
  }
}

function install() {
  const everything = [...RUNTIMES, ...ENGINES].map(({ packages }) => packages)
  const manifest = { name: 'runtimes', private: true, type: 'commonjs', dependencies: Object.assign({}, ...everything) }
  const [file, lock] = [join(folder, 'package.json'), join(folder, 'node_modules/.package-lock.json')]
  const text = JSON.stringify(manifest)
  if (existsSync(lock) && existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, text)
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  execFileSync('npm', ['install', ...flags], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** @param {string} id @param {string} version @param {Record<string, readonly import('../../runtimes/findings.mjs').Finding[]>} parts */
function print(id, version, parts) {
  console.log(`${id} ${version}`)
  for (const [part, findings] of Object.entries(parts))
    for (const { name, ok, detail = '' } of findings)
      console.log(`  ${ok ? 'ok    ' : 'FAILED'} ${`${part}: ${name}`.padEnd(24)} ${detail.trim().split('\n')[0]}`)
  if (
    Object.values(parts)
      .flat()
      .some(({ ok }) => !ok)
  )
    process.exitCode = 1
}

/** Runs as many tasks at a time as there are processors. @param {readonly (() => Promise<void>)[]} tasks */
async function inParallel(tasks) {
  const open = [...tasks]
  const work = async () => {
    for (let task = open.shift(); task; task = open.shift()) await task()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

if (!readData().wycheproof) {
  console.log("NOT RUN Wycheproof's vectors: LATCHKEY_WYCHEPROOF names no folder that has them")
  if (isWritten) throw new Error('The results that are kept include them.')
}
install()
console.log(`installed (${lap()})`)
/**
 * What is printed ran now; what is written keeps the results of the others.
 *
 * @type {import('../../runtimes/table.mjs').Results}
 */
const results = isWritten ? JSON.parse(readFileSync(resultsFile, 'utf8')) : { runtimes: {}, engines: {} }
await inParallel([
  ...engines.map((engine) => async () => {
    const result = await runIn(engine, folder)
    if (result) results.engines[engine.id] = result
    if (result) print(engine.id, result.version, { client: result.client })
    else {
      console.log(`NOT RUN ${engine.name}: ${engine.how}`)
      if (named.length > 0) process.exitCode = 1
    }
  }),
  ...runtimes.map((runtime) => async () => {
    const { version, core, plugin } = await runOn(runtime, folder)
    results.runtimes[runtime.id] = { version, core, plugin }
    print(runtime.id, version, { core, plugin })
  }),
])
console.log(`ran (${lap()})`)
/** Tasks end in any order. @param {readonly { id: string }[]} list @param {Record<string, any>} found */
const inOrder = (list, found) => Object.fromEntries(list.flatMap(({ id }) => (found[id] ? [[id, found[id]]] : [])))
const kept = { runtimes: inOrder(RUNTIMES, results.runtimes), engines: inOrder(ENGINES, results.engines) }
if (isWritten) writeFileSync(resultsFile, `${JSON.stringify(kept, null, 2)}\n`)
console.log(`\n${tableOf(kept)}\n\n${engineTableOf(kept)}`)
