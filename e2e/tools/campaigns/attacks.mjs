// Takes one defence at a time out of a copy of the source, and sees that the test of the attack goes red.
// `node e2e/tools/campaigns/attacks.mjs [text]` tries only the attacks whose number or name is, or has, the text;
// `1/2` and `2/2` try one half each.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { startVitest } from 'vitest/node'
import { ATTACKS } from './attack-table.mjs'
import { copySource, options, shippedFiles, writeSource } from './source-copy.mjs'
import { placesOf } from './source-text.mjs'

const copy = copySource('attacks')

/** @type {Map<string, number>} */
const versions = new Map()

function createChecker() {
  const files = shippedFiles(copy).map((file) => join(copy, file))
  return ts.createLanguageService({
    getCompilationSettings: () => ({ ...options, noUnusedLocals: false, noUnusedParameters: false }),
    getScriptFileNames: () => files,
    getScriptVersion: (file) => String(versions.get(file) ?? 0),
    getScriptSnapshot: (file) =>
      existsSync(file) ? ts.ScriptSnapshot.fromString(readFileSync(file, 'utf8')) : undefined,
    getCurrentDirectory: () => copy,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
  })
}

/**
 * @param {import('typescript').LanguageService} checker
 * @param {string} file
 * @param {string} text
 */
function write(checker, file, text) {
  const path = join(copy, file)
  writeSource(copy, file, text)
  versions.set(path, (versions.get(path) ?? 0) + 1)
  const [problem] = [...checker.getSyntacticDiagnostics(path), ...checker.getSemanticDiagnostics(path)]
  return problem && `${file}: ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`
}

/**
 * Runs the named tests of some files.
 *
 * @param {readonly { readonly file: string, readonly name: string }[]} tests
 */
async function run(tests) {
  const pattern = `^(${tests.map(({ name }) => name.replaceAll(' > ', ' ').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('|')})$`
  const files = [...new Set(tests.map(({ file }) => join(copy, file)))]
  const vitest = await startVitest('test', files, {
    root: copy,
    config: join(copy, 'vitest.config.ts'),
    watch: false,
    testNamePattern: pattern,
    reporters: [{}],
    coverage: { enabled: false },
  })
  // Red is what is looked for here.
  process.exitCode = 0
  const modules = vitest.state.getTestModules()
  const cases = modules.flatMap((module) => [...module.children.allTests()])
  const verdicts = tests.map(({ file, name }) => {
    const module = modules.find(({ moduleId }) => moduleId === join(copy, file))
    const broken = module ? module.errors()[0]?.message : 'the file was not run'
    const found = cases.filter((test) => test.module === module && test.fullName === name)
    if (broken || found.length !== 1)
      return { state: 'broken', message: broken ?? `${found.length} tests have this name` }
    const { state, errors = [] } = found[0].result()
    const isAssertion = errors.length > 0 && errors.every((error) => error.name === 'AssertionError')
    const message = errors[0]?.message.split('\n')[0] ?? ''
    return { state: state === 'failed' && !isAssertion ? 'broken' : state, message }
  })
  await vitest.close()
  return verdicts
}

/** @param {(typeof ATTACKS)[number]} attack @param {ReturnType<typeof createChecker>} checker */
async function withoutDefence({ patches, test }, checker) {
  const before = new Map(patches.map(({ file }) => [file, readFileSync(join(copy, file), 'utf8')]))
  try {
    for (const { file, find, replace } of patches) {
      const text = readFileSync(join(copy, file), 'utf8')
      const places = placesOf(find, text)
      if (places.length !== 1) {
        const message = `${file} has the expected text ${places.length} times: ${JSON.stringify(find)}`
        return { isRed: false, message }
      }
      const [{ start, end }] = places
      const problem = write(checker, file, text.slice(0, start) + replace + text.slice(end))
      if (problem) return { isRed: false, message: `the patch does not compile: ${problem}` }
    }
    const [{ state, message }] = await run([test])
    return {
      isRed: state === 'failed',
      message: state === 'failed' ? message : state === 'passed' ? 'STAYED GREEN' : `NO VERDICT (${state}): ${message}`,
    }
  } finally {
    for (const [file, text] of before) write(checker, file, text)
  }
}

const only = process.argv[2]
const numbered = ATTACKS.map((attack, index) => ({ ...attack, number: String(index + 1) }))
const [, part, parts] = (/^(\d+)\/(\d+)$/.exec(only ?? '') ?? []).map(Number)
const attacks = numbered.filter(({ attack, number }) =>
  part && parts
    ? Number(number) % parts === part % parts
    : only === undefined || number === only || attack.includes(only),
)
if (attacks.length === 0) throw new Error(`no attack is, or has, ${only}`)
let verdict = 1
const started = performance.now()
const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`
try {
  const checker = createChecker()
  const green = await run(attacks.map(({ test }) => test))
  const rows = []
  for (const [index, attack] of attacks.entries()) {
    const { state, message } = green[index]
    const isGreen = state === 'passed'
    const without = isGreen ? await withoutDefence(attack, checker) : { isRed: false, message: `not tried; ${message}` }
    rows.push({ ...attack, isGreen, ...without })
    console.error(
      `${seconds()}: ${attack.number}/${numbered.length} ${isGreen && without.isRed ? 'as it should be' : `WRONG: ${without.message}`}`,
    )
  }
  const width = Math.max(...rows.map(({ attack }) => attack.length))
  console.log(`${'attack'.padEnd(width + 4)} | defended | defence removed`)
  for (const { number, attack, isGreen, isRed, message } of rows) {
    console.log(
      `${number.padStart(2)}. ${attack.padEnd(width)} | ${isGreen ? 'refused ' : 'FAILED  '} | ${isRed ? 'red: ' : ''}${message.slice(0, 160)}`,
    )
  }
  const bad = rows.filter(({ isGreen, isRed }) => !isGreen || !isRed)
  console.log(
    `${rows.length} attacks, ${rows.length - bad.length} refused and red without their defence, in ${seconds()}`,
  )
  verdict = bad.length > 0 || rows.length === 0 ? 1 : 0
} finally {
  rmSync(copy, { recursive: true, force: true })
}
// Said outright: Vitest writes exit codes of its own, also after a run was closed.
process.exit(verdict)
