// `npm run test:consumers`: installs the consumers of the table in docs/exchange.md that are npm packages, beside the
// packed Latchkey, and gives each of them tokens of the exchange: with every algorithm, with and without `type` and
// `clientId`. Fails where a consumer does something else than its row says. Parameters name consumers of
// e2e/consumers/consumers.mjs.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONSUMERS } from '../../consumers/consumers.mjs'
import { readNames } from '../build/names.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const named = readNames(
  'consumer',
  CONSUMERS.map(({ id }) => id),
)
const consumers = CONSUMERS.filter(({ id }) => named.length === 0 || named.includes(id))

/** @param {string} folder @param {string} program @param {...string} args */
function run(folder, program, ...args) {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** @param {string} folder */
function install(folder) {
  writeFileSync(join(folder, 'package.json'), '{ "name": "api", "private": true, "type": "module" }')
  run(folder, 'npm', 'pack', root, '--silent', '--ignore-scripts')
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/better-auth/package.json'), 'utf8'))
  const packages = new Set(['./latchkey-0.1.0.tgz', `better-auth@${version}`])
  for (const consumer of consumers) for (const name of consumer.packages) packages.add(name)
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', '--ignore-scripts']
  run(folder, 'npm', 'install', ...packages, ...flags)
  cpSync(join(root, 'e2e/consumers'), folder, { recursive: true })
}

/** @returns {readonly (readonly string[])[]} the rows of the table: the consumers, and a cell for each algorithm */
function readTable() {
  const page = readFileSync(join(root, 'docs/exchange.md'), 'utf8')
  const section = /^## Consumers$([\s\S]*?)^##/m.exec(page)?.[1] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  const cellsOf = (/** @type {string} */ line) => line.split('|').map((cell) => cell.trim().replaceAll('`', ''))
  return lines.slice(2).map((line) => cellsOf(line).slice(1, 5))
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-consumers-'))
try {
  install(folder)
  const output = execFileSync(process.execPath, ['run.mjs', ...named], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    // Express would print what it refuses.
    env: { ...process.env, NODE_ENV: 'test', NODE_NO_WARNINGS: '1' },
    maxBuffer: Infinity,
  })
  /** @type {Record<string, Record<string, { cell: string, refusals: Record<string, string | null> }>>} */
  const results = JSON.parse(output.trim().split('\n').at(-1) ?? '')
  const table = readTable()
  let failures = 0
  for (const { id, row, cells } of consumers) {
    const written = table.find(([first]) => first?.startsWith(row))
    if (!written) throw new Error(`docs/exchange.md has no row that begins with ${row}`)
    const expected = cells ?? written.slice(1)
    const found = Object.entries(results[id] ?? {})
    const isRight = found.map(([, { cell }]) => cell).join() === expected.join()
    if (!isRight) failures++
    const shown = found.map(([algorithm, { cell }]) => `${algorithm} ${cell}`).join(', ')
    console.log(`${isRight ? 'ok    ' : 'FAILED'} ${id}: ${shown}`)
    if (isRight) continue
    console.log(`  the page says ${expected.join(', ')}`)
    for (const [algorithm, { refusals }] of found) console.log(`  ${algorithm}`, refusals)
  }
  const others = table.filter(([first]) => !CONSUMERS.some(({ row }) => first?.startsWith(row)))
  for (const [first] of others) console.log(`NOT RUN ${first}: no npm package`)
  console.log(`\n${consumers.length - failures} passed, ${failures} failed`)
  if (failures > 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
