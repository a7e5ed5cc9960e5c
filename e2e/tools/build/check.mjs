// `npm run check`: builds, then runs every `check:` script of package.json, two at a time. `npm run check -- types
// docs` runs only the scripts named. Each part's output is printed when it ends, with the seconds it took; one failure
// fails the whole.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readNames } from './names.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const PARALLEL = 2

/** Packing must not run `prepack`: it would empty dist while other parts read it. */
const environment = { ...process.env, npm_config_ignore_scripts: 'true', FORCE_COLOR: process.stdout.isTTY ? '1' : '0' }

/** @typedef {{ name: string, status: number, output: string, seconds: number }} Result */

/** @returns {string[]} the names after `check:` */
function allParts() {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.keys(scripts).flatMap((name) => (name.startsWith('check:') ? [name.slice('check:'.length)] : []))
}

/**
 * @param {string} name
 * @returns {Promise<Result>}
 */
function run(name) {
  const start = performance.now()
  const child = spawn('npm', ['run', '--silent', `check:${name}`], { cwd: root, env: environment })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ name, status: code ?? 1, output, seconds: (performance.now() - start) / 1000 }),
    )
  })
}

/** @param {Result} result */
function print({ name, status, output, seconds }) {
  console.log(`\n── ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds.toFixed(1)} s`)
  if (output.trim() !== '') console.log(output.trimEnd())
}

/** @param {string[]} parts */
async function runAll(parts) {
  const waiting = [...parts]
  /** @type {Result[]} */
  const results = []
  const takeNext = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await run(name)
      results.push(result)
      print(result)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, takeNext))
  return results
}

const named = readNames('check', allParts())

const build = spawnSync(process.execPath, [join(root, 'e2e/tools/build/build.mjs')], { stdio: 'inherit' })
if (build.status !== 0) process.exit(build.status ?? 1)

const results = await runAll(named.length > 0 ? named : allParts())
const failed = results.filter(({ status }) => status !== 0).map(({ name }) => name)
console.log(failed.length > 0 ? `\nFailed: ${failed.join(', ')}` : `\nAll ${results.length} parts passed.`)
process.exitCode = failed.length > 0 ? 1 : 0
