// `npm run test:sync-engines`: installs each sync engine beside the packed Latchkey, compiles what docs/engines.md,
// docs/triplit.md and docs/zero.md show, and the same without Latchkey, and runs what they show through the lines of
// e2e/engines/lines.ts with a real server. Parameters name engines, or `recipes`, which are compiled only. `--write`
// keeps the results for the table in docs/engines.md.
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENGINES, RECIPES } from '../../engines/engines.mjs'
import { tableOf } from '../../engines/table.mjs'
import { readNames } from '../build/names.mjs'
import { FAST, startPostgres } from '../servers/postgres.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { build } = createRequire(createRequire(import.meta.url).resolve('@size-limit/esbuild'))('esbuild')
const named = readNames('engine', [...ENGINES.map(({ id }) => id), 'recipes'], ['--write'])
const engines = ENGINES.filter(({ id }) => named.length === 0 || named.includes(id))
const resultsFile = join(root, 'e2e/engines/results.json')
/** Replication of Postgres to zero-cache. */
const LOGICAL = ['wal_level=logical', 'max_wal_senders=20', 'max_replication_slots=20'].flatMap((flag) => ['-c', flag])
/** zero-cache closes sockets before they are open, at which the package `ws` ends the process. */
const WEB_SOCKET = process.allowedNodeEnvironmentFlags.has('--experimental-websocket')
  ? ['--experimental-websocket', '--no-warnings']
  : []

/** @param {string} folder @param {string} program @param {...string} args */
function run(folder, program, ...args) {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

/**
 * Installs the packages beside Latchkey, and compiles what uses them.
 *
 * @param {string} folder
 * @param {Pick<import('../../engines/engines.mjs').EngineEntry, 'id' | 'packages' | 'overrides' | 'builds'>} engine
 */
function install(folder, { id, packages, overrides = {}, builds = [] }) {
  const dependencies = Object.fromEntries(packages.map((name) => name.split(/(?<=.)@/)))
  const allowScripts = Object.fromEntries(builds.map((name) => [name, true]))
  const types = { typescript: '6', '@types/node': '20', '@types/pg': '8', '@types/ws': '8' }
  const manifest = { name: 'app', private: true, type: 'module', dependencies: { ...types, ...dependencies } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, overrides, allowScripts }))
  run(folder, 'npm', 'pack', root, '--silent', '--ignore-scripts')
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  run(folder, 'npm', 'install', './latchkey-0.1.0.tgz', ...flags, ...(builds.length > 0 ? [] : ['--ignore-scripts']))
  const source = join(folder, 'source')
  // The recipes alone: the global types of their packages do not fit the code of the runs.
  cpSync(join(root, 'e2e/engines', id === 'recipes' ? id : '.'), source, { recursive: true })
  cpSync(join(root, 'e2e/engines/tsconfig.json'), join(source, 'tsconfig.json'))
  // The others need packages that are not here.
  for (const other of [...ENGINES.map((engine) => engine.id), 'account'])
    if (other !== id)
      for (const place of ['', 'fixtures', 'with', 'without'])
        rmSync(join(source, place, `${other}.ts`), { force: true })
  if (id !== 'recipes') rmSync(join(source, 'recipes'), { recursive: true })
  // It needs Better Auth: e2e/tsconfig.json compiles it.
  rmSync(join(source, 'without/triplit.ts'), { force: true })
  run(folder, 'npx', 'tsc', '-p', 'source')
}

/** @param {string} folder @param {string} id */
async function bundle(folder, id) {
  const source = join(folder, 'source')
  const isEntry = (/** @type {string} */ name) => [`${id}.ts`, 'run.ts'].includes(name)
  await build({
    entryPoints: readdirSync(source)
      .filter(isEntry)
      .map((name) => join(source, name)),
    outdir: join(folder, 'built'),
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  cpSync(join(source, 'listen-on-loopback.mjs'), join(folder, 'built/listen-on-loopback.mjs'))
}

/** @param {string} folder @param {string} id @param {Record<string, string>} servers @returns {Promise<any[]>} */
async function runEngine(folder, id, servers) {
  // Not synchronously: a Postgres whose log is not read stops.
  const child = spawn(process.execPath, [...WEB_SOCKET, 'built/run.js', id], {
    cwd: folder,
    env: { ...process.env, ...servers },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (/** @type {Buffer} */ data) => (output += data.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '')
  } catch {
    return [{ name: 'start', ok: false, detail: 'the run ended without an answer' }]
  }
}

/** @type {Record<string, any[]>} */
const results = JSON.parse(readFileSync(resultsFile, 'utf8'))
for (const engine of engines) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-engines-'))
  const postgres = engine.needsPostgres ? await startPostgres([...FAST, ...LOGICAL]) : null
  try {
    console.log(`${engine.name}: ${engine.packages.join(' ')}`)
    install(folder, engine)
    await bundle(folder, engine.id)
    const findings = await runEngine(folder, engine.id, postgres ? { LATCHKEY_POSTGRES: postgres.url } : {})
    results[engine.id] = findings
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1
  } finally {
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
if (named.length === 0 || named.includes('recipes')) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-engines-'))
  try {
    console.log(`recipes: ${RECIPES.join(' ')}`)
    install(folder, { id: 'recipes', packages: RECIPES })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
if (process.argv.includes('--write')) writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
console.log(`\n${tableOf(results)}`)
