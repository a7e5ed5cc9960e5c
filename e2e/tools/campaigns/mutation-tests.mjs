// Runs test files of the copy in one Vitest, and finds out which of them reach which functions.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, matchesGlob, normalize } from 'node:path'
import { createVitest } from 'vitest/node'
import { CAMPAIGNS } from './campaign-files.mjs'
import { withProbes } from './mutators.mjs'
import { shippedFiles, sourceFiles } from './source-copy.mjs'

/** A test that waits longer hangs. */
const TEST_LIMIT_MS = 10_000

/** A test that timed out runs once more with this limit: the machine may have been busy. */
const SECOND_LIMIT_MS = 45_000

/** A test file that runs longer is in a loop without end. */
const FILE_LIMIT_MS = 60_000

const SETUP = 'mutation-setup.mjs'

/** Without projects, which take none of the options below. */
const CONFIG = 'vitest.mutation.config.ts'

/**
 * @typedef {object} Runner
 * @property {(file: string, pattern?: RegExp) => Promise<{ state: 'passed' | 'failed' | 'timed out', milliseconds:
 *   number, message: string }>} run
 * @property {(file: string) => void} changed
 * @property {() => Promise<void>} close
 */

/**
 * Starts a Vitest that runs one file at a time, each in a process of its own, up to its first failure.
 *
 * @param {string} copy
 * @param {{ reached?: string }} [options] - the folder for what the tests reach
 * @returns {Promise<Runner>}
 */
export async function createRunner(copy, { reached = '' } = {}) {
  cpSync(new URL(SETUP, import.meta.url), join(copy, SETUP))
  writeFileSync(join(copy, CONFIG), "export { BASE as default } from './vitest.config.ts'\n")
  const vitest = await createVitest('test', {
    root: copy,
    config: join(copy, CONFIG),
    watch: false,
    reporters: [{}],
    pool: 'forks',
    maxWorkers: 1,
    bail: reached ? 0 : 1,
    testTimeout: reached ? 2 * FILE_LIMIT_MS : TEST_LIMIT_MS,
    hookTimeout: reached ? 2 * FILE_LIMIT_MS : TEST_LIMIT_MS,
    expect: { poll: { timeout: TEST_LIMIT_MS / 2 } },
    setupFiles: [join(copy, SETUP)],
    coverage: { enabled: false },
    env: {
      LATCHKEY_ENGINES: 'SQLite',
      LATCHKEY_REACHED: reached,
      LATCHKEY_FILE_LIMIT_MS: String(reached ? 5 * FILE_LIMIT_MS : FILE_LIMIT_MS),
    },
  })
  await vitest.standalone()
  const [project] = vitest.projects
  /** @param {string} file @param {RegExp | undefined} testNamePattern */
  async function runOnce(file, testNamePattern) {
    const started = performance.now()
    const path = join(copy, file)
    const specification = project.createSpecification(path, testNamePattern && { testNamePattern })
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification], false)
    // Red is what is looked for here.
    process.exitCode = 0
    const module = testModules.find(({ moduleId }) => moduleId === path)
    const tests = module ? [...module.children.allTests()] : []
    const errors = [
      ...unhandledErrors,
      ...(module?.errors() ?? []),
      ...(module ? [...module.children.allSuites()].flatMap((suite) => suite.errors()) : []),
      ...tests.flatMap((test) => test.result().errors ?? []),
    ]
    const isGreen = errors.length === 0 && tests.every((test) => test.result().state !== 'failed') && module?.ok()
    const message = String(errors[0]?.message ?? '').split('\n')[0]
    const isTimeout = /timed out in|Timeout|exited unexpectedly|emitted error/.test(message)
    const state = isGreen ? 'passed' : isTimeout ? 'timed out' : 'failed'
    return /** @type {const} */ ({ state, milliseconds: performance.now() - started, message })
  }
  return {
    async run(file, testNamePattern) {
      const first = await runOnce(file, testNamePattern)
      if (first.state !== 'timed out' || reached) return first
      Object.assign(project.config, { testTimeout: SECOND_LIMIT_MS, hookTimeout: SECOND_LIMIT_MS })
      try {
        return await runOnce(file, testNamePattern)
      } finally {
        Object.assign(project.config, { testTimeout: TEST_LIMIT_MS, hookTimeout: TEST_LIMIT_MS })
      }
    },
    changed(file) {
      vitest.invalidateFile(join(copy, file))
    },
    close: () => vitest.close(),
  }
}

/**
 * Finds the test files that reach a function, and how long each takes. What was found once is kept in the temporary
 * folder, until the test file or a module that it imports changes.
 *
 * @param {string} copy
 * @param {readonly string[]} targets - the modules that are to be changed
 * @param {string} [under] - only test files whose path begins so
 */
export async function createTestMap(copy, targets, under = '') {
  const kept = join(tmpdir(), 'latchkey-mutation-map')
  const reached = join(copy, 'reached')
  mkdirSync(kept, { recursive: true })
  const imports = importsOf(copy)
  const wanted = [...imports].filter(
    ([file]) => file.startsWith(under) && file.endsWith('.test.ts') && !isCampaign(file),
  )
  const testFiles = wanted.filter(([, files]) => targets.some((target) => files.has(target)))
  /** @type {Runner | undefined} */
  let runner
  /** @type {Map<string, { file: string, milliseconds: number, tests: readonly string[] }[]>} */
  const map = new Map()
  for (const [index, [file, files]] of testFiles.entries()) {
    const cache = join(kept, `${digestOf(copy, [file, ...files])}.json`)
    if (!existsSync(cache)) {
      if (!runner) {
        for (const module of shippedFiles(copy)) {
          const path = join(copy, module)
          writeFileSync(path, withProbes(module, readFileSync(path, 'utf8')))
        }
        runner = await createRunner(copy, { reached })
      }
      const { state, milliseconds, message } = await runner.run(file)
      const result = join(reached, `${join(copy, file).replaceAll('/', '+')}.json`)
      const isGreen = state === 'passed' && existsSync(result)
      const places = isGreen ? JSON.parse(readFileSync(result, 'utf8')) : []
      console.error(`${index + 1}/${testFiles.length} ${file}: ${state} in ${Math.round(milliseconds)} ms ${message}`)
      if (isGreen) writeFileSync(cache, JSON.stringify({ milliseconds, places }))
      else continue
    }
    const { milliseconds, places } = JSON.parse(readFileSync(cache, 'utf8'))
    for (const [place, tests] of places) {
      if (!map.has(place)) map.set(place, [])
      map.get(place).push({ file, milliseconds, tests })
    }
  }
  await runner?.close()
  if (runner) for (const module of shippedFiles(copy)) writeFileSync(join(copy, module), readOriginal(copy, module))
  return map
}

/** What `vitest.quick.config.ts` leaves out. @param {string} file */
function isCampaign(file) {
  return CAMPAIGNS.some((pattern) => matchesGlob(file, pattern))
}

/** @param {string} copy @param {readonly string[]} files */
function digestOf(copy, files) {
  const hash = createHash('sha256')
  for (const file of [...new Set(files)].toSorted()) hash.update(`${file}\n${readOriginal(copy, file)}`)
  return hash.digest('hex').slice(0, 32)
}

/** @type {Map<string, string>} */
const originals = new Map()

/** Before anything was changed. @param {string} copy @param {string} file */
function readOriginal(copy, file) {
  if (!originals.has(file)) originals.set(file, readFileSync(join(copy, file), 'utf8'))
  return originals.get(file)
}

/** What each module imports, also through others. @param {string} copy @returns {Map<string, Set<string>>} */
function importsOf(copy) {
  const files = sourceFiles(copy)
  const direct = new Map(
    files.map((file) => {
      const names = [...readOriginal(copy, file).matchAll(/(?:from|import\(?)\s*'(\.[^']+)'/g)].map(([, name]) => name)
      return [file, names.map((name) => normalize(join(dirname(file), name))).filter((name) => files.includes(name))]
    }),
  )
  return new Map(
    files.map((file) => {
      const all = new Set([file])
      for (const each of all) for (const next of direct.get(each) ?? []) all.add(next)
      return [file, all]
    }),
  )
}
