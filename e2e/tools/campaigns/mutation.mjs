// Changes the source in one small way at a time, in a copy, and sees whether a test notices.
// `node e2e/tools/campaigns/mutation.mjs [options] folder-or-file[:line] …`
//   --sample K   K mutants over all the files, chosen in proportion
//   --seed N     the seed of the sample
//   --tests P    only test files whose path begins with P
//   --list       only lists the mutants
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ACCEPTED_MUTANTS } from './accepted-mutants.mjs'
import { createRunner, createTestMap } from './mutation-tests.mjs'
import { mutantsOf } from './mutators.mjs'
import { copySource, root, shippedFiles, writeSource } from './source-copy.mjs'

/** At most so many test files try a mutant: the one beside the module, those in its folder, then the fastest. */
const MOST_TEST_FILES = 12

/** In a file that takes longer, only the tests that reach the function run. */
const SHORT_FILE_MS = 1500

/** @typedef {import('./mutators.mjs').Mutant & { file: string }} Mutant */
/** @typedef {'killed' | 'timed out' | 'survived' | 'accepted' | 'no test'} Verdict */

const { values, positionals } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string' },
    tests: { type: 'string' },
    list: { type: 'boolean' },
  },
  allowPositionals: true,
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))

/** @type {Mutant[]} */
const all = shippedFiles(root).flatMap((file) =>
  mutantsOf(file, readFileSync(join(root, file), 'utf8')).map((mutant) => ({ ...mutant, file })),
)

/** @param {Mutant} mutant */
const changeOf = ({ before, replacement }) =>
  `${before.replaceAll(/\s+/g, ' ')} → ${replacement.replaceAll(/\s+/g, ' ')}`

/** @param {Mutant} mutant @param {(typeof ACCEPTED_MUTANTS)[number]} entry */
const isEntryOf = (mutant, { file, line, mutator, change, nth }) =>
  mutant.file === file &&
  mutant.line === line &&
  mutant.mutator === mutator &&
  (change === undefined || change === changeOf(mutant)) &&
  (nth === undefined || nth === mutant.nth)

/** @param {Mutant} mutant */
const isWanted = ({ file, lineNumber }) =>
  positionals.length === 0 ||
  positionals.some((place) => place === file || place === `${file}:${lineNumber}` || file.startsWith(`${place}/`))

/** @param {number} count @param {readonly Mutant[]} mutants: every n-th, from a place that the seed sets */
function sampleOf(count, mutants) {
  const step = mutants.length / count
  if (step <= 1) return mutants
  const first = ((seed * 0.618034) % 1) * step
  return Array.from({ length: count }, (_, index) => mutants[Math.floor(first + index * step)])
}

/** @param {Mutant} mutant @param {Awaited<ReturnType<typeof createTestMap>>} map */
function testsOf({ file, owner }, map) {
  const reaching = map.get(`${file}:${owner}`) ?? []
  const beside = file.replace(/\.ts$/, '.test.ts')
  const folder = file.slice(0, file.lastIndexOf('/') + 1)
  const [part] = file.split('/')
  const rank = (/** @type {string} */ test) =>
    [test === beside, test.startsWith(folder), test.startsWith(`${part}/`), true].indexOf(true)
  return reaching
    .toSorted((one, other) => rank(one.file) - rank(other.file) || one.milliseconds - other.milliseconds)
    .slice(0, MOST_TEST_FILES)
    .map((test) => ({ ...test, pattern: patternOf(test) }))
}

/** @param {{ milliseconds: number, tests: readonly string[] }} test */
function patternOf({ milliseconds, tests }) {
  if (milliseconds < SHORT_FILE_MS || tests.includes('') || tests.length === 0) return undefined
  const names = tests.map((name) => name.replaceAll(' > ', ' ').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^(${names.join('|')})$`)
}

/**
 * @param {Mutant} mutant
 * @param {string} copy
 * @param {Awaited<ReturnType<typeof createRunner>>} runner
 * @param {Awaited<ReturnType<typeof createTestMap>>} map
 * @returns {Promise<{ verdict: Verdict, by?: string }>}
 */
async function tryMutant(mutant, copy, runner, map) {
  const { file, start, end, replacement } = mutant
  const tests = testsOf(mutant, map)
  if (tests.length === 0) return { verdict: 'no test' }
  const text = readFileSync(join(copy, file), 'utf8')
  writeSource(copy, file, text.slice(0, start) + replacement + text.slice(end))
  runner.changed(file)
  try {
    for (const { file: test, pattern, milliseconds: usual } of tests) {
      let result = await runner.run(test, pattern)
      // A busy machine can exceed a limit of time that the test is not about.
      if (result.state === 'failed' && result.milliseconds > 2 * usual + 2000) result = await runner.run(test, pattern)
      const { state, message } = result
      if (state !== 'passed') return { verdict: state === 'failed' ? 'killed' : state, by: `${test}: ${message}` }
    }
    return { verdict: 'survived' }
  } finally {
    writeSource(copy, file, text)
    runner.changed(file)
  }
}

/** @param {readonly { mutant: Mutant, verdict: Verdict }[]} results */
function printTable(results) {
  /** @param {Mutant} mutant */
  const folderOf = ({ file }) => file.slice(0, file.lastIndexOf('/'))
  const names = new Set(results.map(({ mutant }) => folderOf(mutant)))
  const rows = [...names].map((name) => ({ name, of: results.filter(({ mutant }) => folderOf(mutant) === name) }))
  const columns = /** @type {const} */ (['killed', 'timed out', 'accepted', 'survived', 'no test'])
  console.log(['folder'.padEnd(32), 'mutants', ...columns, 'score'].join(' | '))
  for (const { name, of } of [...rows, { name: 'all', of: results }]) {
    const counts = columns.map((column) => of.filter(({ verdict }) => verdict === column).length)
    const [killed, timedOut, accepted] = counts
    const score = ((killed + timedOut) / Math.max(1, of.length - accepted)) * 100
    const cells = [of.length, ...counts].map((count, index) =>
      String(count).padStart(['mutants', ...columns][index].length),
    )
    console.log([name.padEnd(32), ...cells, `${score.toFixed(1)} %`].join(' | '))
  }
}

const stale = ACCEPTED_MUTANTS.filter((entry) => !all.some((mutant) => isEntryOf(mutant, entry)))
for (const { file, line, mutator } of stale)
  console.error(`accepted, but no longer there: ${file}: ${mutator}: ${line}`)
const wanted = all.filter(isWanted)
const mutants = values.sample === undefined ? wanted : sampleOf(Number(values.sample), wanted)
if (mutants.length === 0) throw new Error(`no mutants in ${positionals.join(', ')}`)
console.log(
  `${mutants.length} of ${wanted.length} mutants${values.sample === undefined ? '' : `, sampled with the seed ${seed}`}`,
)
if (values.list) {
  for (const mutant of mutants)
    console.log(`${mutant.file}:${mutant.lineNumber} ${mutant.mutator}: ${changeOf(mutant)}`)
  process.exit(0)
}

let verdict = 1
const copy = copySource('mutation')
try {
  const map = await createTestMap(copy, [...new Set(mutants.map(({ file }) => file))], values.tests)
  const runner = await createRunner(copy)
  const results = []
  const started = performance.now()
  for (const [index, mutant] of mutants.entries()) {
    const isAccepted = ACCEPTED_MUTANTS.some((entry) => isEntryOf(mutant, entry))
    const result = isAccepted
      ? { verdict: /** @type {Verdict} */ ('accepted') }
      : await tryMutant(mutant, copy, runner, map)
    results.push({ mutant, verdict: result.verdict })
    const place = `${mutant.file}:${mutant.lineNumber} ${mutant.mutator}: ${changeOf(mutant)}`
    const seconds = Math.round((performance.now() - started) / 1000)
    console.error(
      `${seconds} s: ${index + 1}/${mutants.length} ${result.verdict.toUpperCase()} ${place} ${result.by ?? ''}`,
    )
  }
  await runner.close()
  printTable(results)
  const open = results.filter(({ verdict: found }) => found === 'survived' || found === 'no test')
  for (const { mutant, verdict: found } of open)
    console.log(
      `${found}: ${mutant.file}:${mutant.lineNumber} ${mutant.mutator}: ${changeOf(mutant)}   in: ${mutant.line}`,
    )
  verdict = open.length > 0 || stale.length > 0 ? 1 : 0
} finally {
  rmSync(copy, { recursive: true, force: true })
}
// Said outright: Vitest writes exit codes of its own, also after a run was closed.
process.exit(verdict)
