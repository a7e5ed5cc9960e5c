// Builds the demo, and the library that it loads.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const at = (path) => join(root, path)

const LIBRARY = 'dist/lib/index.js'
const SERVER = 'e2e/.site/server/main.js'

/** Builds what is missing or out of date. */
export function buildDemo() {
  if (isOutOfDate(LIBRARY, ['lib', 'adapters', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])) {
    build('the library', [at('e2e/tools/build/build.mjs'), '--noCheck'])
  }
  if (isOutOfDate(SERVER, ['e2e/app', 'dist', 'package-lock.json'])) {
    const vite = join(fileURLToPath(import.meta.resolve('vite/package.json')), '../bin/vite.js')
    build('the app', [vite, 'build', '--app', '--config', at('e2e/app/vite.config.ts'), '--logLevel', 'warn'])
  }
}

function isOutOfDate(output, sources) {
  return (
    !existsSync(at(output)) ||
    Math.max(...sources.map((source) => lastChange(at(source)))) > statSync(at(output)).mtimeMs
  )
}

function lastChange(path) {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  const names = readdirSync(path, { recursive: true }).filter((name) => !/\.(test|testing)\.ts$/.test(name))
  return Math.max(0, ...names.map((name) => statSync(join(path, name)).mtimeMs))
}

/** As a child: a build sets NODE_ENV for its whole process. Its words go to stderr, stdout has the address alone. */
function build(what, command) {
  console.error(`Building ${what} …`)
  const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  console.error(`Building ${what} failed.`)
  process.exit(1)
}
