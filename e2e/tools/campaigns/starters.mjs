// `npm run test:starters [NAME…]`: makes each starter from the packed tarball as a user does, installs and builds it,
// and runs its own spec against it; `added` is an app that exists. With `--keep`, the folder stays.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findBrowser, findShell } from './browser.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const STARTERS = ['vite-hono', 'added', 'next', 'sveltekit', 'nuxt']
/** The frameworks need a later one than Latchkey itself. */
const NODE = `node@npm:node-${process.platform}-${process.arch}@24`
const FLAGS = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean' } }, allowPositionals: true })
const chosen = positionals.length > 0 ? positionals : STARTERS
const work = mkdtempSync(join(tmpdir(), 'latchkey-starters-'))
const shell = findShell(findBrowser())
/** @type {NodeJS.ProcessEnv} */
let env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' }

/** @param {string} folder @param {string} program @param {...string} parameters */
function run(folder, program, ...parameters) {
  console.log(`\n> ${program} ${parameters.join(' ')}`)
  execFileSync(program, parameters, { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] })
}

/** The spec is the starter's own; only the browser is this machine's. */
const CONFIG = `import config from './playwright.config.ts'
const launchOptions = ${JSON.stringify({ executablePath: shell, args: ['--no-sandbox'] })}
const webServer = { ...config.webServer, timeout: 0 }
const use = { ...config.use, launchOptions }
export default { ...config, webServer, use, workers: 1, timeout: 0, expect: { timeout: 120_000 }, reporter: 'list' }
`

/** What is added to an app compiles, and its server gets its tables. @param {string} tarball */
function tryAdded(tarball) {
  const app = join(work, 'added')
  mkdirSync(app)
  const dependencies = { 'better-auth': '^1.7.25', latchkey: `file:${tarball}`, react: '^19.3.1' }
  const devDependencies = { '@types/node': '^24.0.0', typescript: '^7.0.2', vite: '^8.4.0' }
  const manifest = { name: 'added', private: true, type: 'module', dependencies, devDependencies }
  const compilerOptions = {
    strict: true,
    module: 'preserve',
    target: 'es2023',
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
  }
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  run(app, 'npm', 'install', ...FLAGS)
  run(app, 'npx', 'latchkey', 'init')
  run(app, 'npx', 'tsc')
  run(app, 'npx', 'latchkey', 'migrate', '--auth', './server/auth.ts')
  run(app, 'npx', 'latchkey', 'doctor', '--auth', './server/auth.ts')
}

/** @param {string} name @param {string} tarball */
function tryStarter(name, tarball) {
  const app = join(work, name)
  run(work, 'node', 'node_modules/latchkey/dist/adapters/cli/main.js', 'init', name, '--template', name)
  const file = join(app, 'package.json')
  const manifest = JSON.parse(readFileSync(file, 'utf8'))
  manifest.dependencies.latchkey = `file:${tarball}`
  writeFileSync(file, JSON.stringify(manifest, null, 2))
  run(app, 'npm', 'install', ...FLAGS)
  run(app, 'npm', 'run', 'build')
  writeFileSync(join(app, 'campaign.config.ts'), CONFIG)
  run(app, 'npm', 'test', '--', '--config', 'campaign.config.ts')
}

try {
  writeFileSync(join(work, 'package.json'), '{ "name": "starters", "private": true, "type": "module" }')
  run(work, 'npm', 'pack', root, '--silent', '--ignore-scripts')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const tarball = join(work, `latchkey-${version}.tgz`)
  run(work, 'npm', 'install', tarball, NODE, '--ignore-scripts', ...FLAGS)
  env = { ...env, PATH: `${join(work, 'node_modules/node/bin')}:${env['PATH']}` }
  for (const name of chosen) {
    if (name === 'added') tryAdded(tarball)
    else tryStarter(name, tarball)
  }
  console.log(`\n${chosen.length} passed, 0 failed`)
} finally {
  if (values.keep) console.log(work)
  else rmSync(work, { recursive: true, force: true })
}
