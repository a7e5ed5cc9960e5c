// `npm run test:databases`: installs each database's driver or adapter beside Latchkey and runs the battery on it.
// Parameters name engines of e2e/databases/engines.mjs. `--write` keeps the results for docs/databases.md.
// With an engine over mysql2, the unit tests that have a MariaDB run on it, too.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ENGINES } from '../../databases/engines.mjs'
import { tableOf } from '../../databases/table.mjs'
import { readNames } from '../build/names.mjs'
import { startMariadb } from '../servers/mariadb.mjs'
import { FAST, startPostgres } from '../servers/postgres.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const isWritten = process.argv.includes('--write')
const ids = ENGINES.map(({ id }) => id)
const named = readNames('engine', ids, ['--write'])
const engines = ENGINES.filter(({ id }) => named.length === 0 || named.includes(id))
const resultsFile = join(root, 'e2e/databases/results.json')

/** @param {string} folder @param {string} program @param {...string} args */
function run(folder, program, ...args) {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** @param {string} folder */
function install(folder) {
  writeFileSync(join(folder, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  run(folder, 'npm', 'pack', root, '--silent', '--ignore-scripts')
  const packages = new Set(engines.flatMap((engine) => engine.packages))
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/better-auth/package.json'), 'utf8'))
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', '--legacy-peer-deps']
  run(
    folder,
    'npm',
    'install',
    './latchkey-0.1.0.tgz',
    `better-auth@${version}`,
    ...packages,
    ...flags,
    '--ignore-scripts',
  )
  // Compiled here already: without a network its prebuilt program cannot be downloaded.
  if (packages.has('better-sqlite3@12.11.1'))
    cpSync(join(root, 'node_modules/better-sqlite3/build'), join(folder, 'node_modules/better-sqlite3/build'), {
      recursive: true,
    })
  // A second copy of the plugin shares nothing with the first but the database.
  cpSync(join(folder, 'node_modules/latchkey'), join(folder, 'node_modules/latchkey-second'), { recursive: true })
  for (const runtime of new Set(engines.map((engine) => engine.runtime)))
    if (runtime) run(folder, 'npm', 'install', '--prefix', join(folder, 'runtime'), runtime, ...flags)
  cpSync(join(root, 'e2e/databases'), folder, { recursive: true })
}

/**
 * @param {string} folder has the driver
 * @param {string} url
 */
function runMariadbTests(folder, url) {
  const env = { ...process.env, LATCHKEY_MARIADB: url, LATCHKEY_MYSQL2: join(folder, 'node_modules/mysql2') }
  const files = ['adapters/reown', 'adapters/cli/migrate']
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...files, '-t', 'MariaDB'], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = status ?? 1
}

/**
 * @param {string} folder
 * @param {import('../../databases/engines.mjs').Engine} engine
 * @param {Record<string, string>} servers
 */
async function runEngine(folder, engine, servers) {
  const program = engine.runtime ? join(folder, 'runtime/node_modules/node/bin/node') : process.execPath
  const env = { ...process.env, ...servers, NODE_NO_WARNINGS: '1' }
  // Not synchronously: a Postgres whose log is not read stops.
  const running = promisify(execFile)(program, ['run.mjs', engine.id], { cwd: folder, env, maxBuffer: Infinity })
  const { stdout, stderr } = await running.catch((error) => error)
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  } catch {
    console.error(stderr)
    return [{ name: 'start', ok: false, detail: 'the battery ended without an answer' }]
  }
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-databases-'))
const postgres = engines.some(({ server }) => server === 'postgres') ? await startPostgres(FAST) : null
const mariadb = engines.some(({ server }) => server === 'mariadb') ? await startMariadb() : null
try {
  install(folder)
  const servers = {
    ...(postgres && { LATCHKEY_POSTGRES: postgres.url }),
    ...(mariadb && { LATCHKEY_MARIADB: mariadb.url }),
  }
  /** @type {Record<string, { checks: any[] }>} */
  const results = JSON.parse(readFileSync(resultsFile, 'utf8'))
  for (const engine of engines) {
    if (engine.server === 'mariadb' && !mariadb) {
      console.log(`NOT RUN ${engine.id}: there is no mariadbd here (Debian: apt-get install mariadb-server)`)
      if (named.length > 0) process.exitCode = 1
      continue
    }
    const started = performance.now()
    const checks = await runEngine(folder, engine, servers)
    results[engine.id] = { checks }
    console.log(`${engine.id} (${Math.round((performance.now() - started) / 1000)} s)`)
    for (const { name, ok, detail = '' } of checks)
      console.log(`  ${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${detail}`)
    if (checks.some(({ ok }) => !ok)) process.exitCode = 1
  }
  const hasMysql2 = engines.some(({ packages }) => packages.some((name) => name.startsWith('mysql2@')))
  if (mariadb && hasMysql2) runMariadbTests(folder, mariadb.url)
  if (isWritten) writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`\n${tableOf(results)}`)
} finally {
  await postgres?.stop()
  await mariadb?.stop()
  rmSync(folder, { recursive: true, force: true })
}
