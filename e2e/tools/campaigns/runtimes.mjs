// `npm run test:runtimes`: installs each runtime and runs the conformance suite and the plugin's battery on it.
// Parameters name runtimes of e2e/runtimes/runtimes.mjs. `--write` keeps the results for docs/runtimes.md.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readData } from '../../runtimes/bundle.mjs'
import { runOn } from '../../runtimes/run.mjs'
import { RUNTIMES } from '../../runtimes/runtimes.mjs'
import { tableOf } from '../../runtimes/table.mjs'

const parameters = process.argv.slice(2)
const isWritten = parameters.includes('--write')
const named = parameters.filter((parameter) => !parameter.startsWith('--'))
const runtimes = RUNTIMES.filter(({ id }) => named.length === 0 || named.includes(id))
const resultsFile = fileURLToPath(new URL('../../runtimes/results.json', import.meta.url))

/** @param {string} folder */
function install(folder) {
  const dependencies = Object.assign({}, ...runtimes.map(({ packages }) => packages))
  const manifest = { name: 'runtimes', private: true, type: 'module', dependencies }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  execFileSync('npm', ['install', ...flags], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** @param {import('../../runtimes/table.mjs').Result} result */
function print({ core, plugin }) {
  for (const [part, findings] of Object.entries({ core, plugin }))
    for (const { name, ok, detail = '' } of findings)
      console.log(`  ${ok ? 'ok    ' : 'FAILED'} ${`${part}: ${name}`.padEnd(24)} ${detail.trim().split('\n')[0]}`)
  if ([...core, ...plugin].some(({ ok }) => !ok)) process.exitCode = 1
}

if (!readData().wycheproof) {
  console.log("NOT RUN Wycheproof's vectors: LATCHKEY_WYCHEPROOF names no folder that has them")
  if (isWritten) throw new Error('The results that are kept include them.')
}
const folder = mkdtempSync(join(tmpdir(), 'latchkey-runtimes-'))
try {
  install(folder)
  /** @type {import('../../runtimes/table.mjs').Results} */
  const results = JSON.parse(readFileSync(resultsFile, 'utf8'))
  for (const runtime of runtimes) {
    const started = performance.now()
    const result = await runOn(runtime, folder)
    results[runtime.id] = result
    console.log(`${runtime.id} ${result.version} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
    print(result)
  }
  if (isWritten) writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`\n${tableOf(results)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
