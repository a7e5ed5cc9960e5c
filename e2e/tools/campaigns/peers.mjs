// Installs the oldest and the newest version of each peer beside Latchkey, compiles what an app writes and runs it.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readNames } from '../build/names.mjs'
import { findBrowser } from './browser.mjs'
import { ENDS } from './peer-versions.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const browser = findBrowser()
const chosen = readNames('set of peers', Object.keys(ENDS))

/** @param {string} folder @param {string} program @param {...string} parameters */
function run(folder, program, ...parameters) {
  execFileSync(program, parameters, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, LATCHKEY_CHROMIUM: browser },
  })
}

/** @param {readonly string[]} packages */
function tryEnd(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-peers-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
    run(folder, 'npm', 'pack', root, '--silent', '--ignore-scripts')
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', '--silent']
    // Better Auth has ranges of its own, which e2e/published/peers.test.ts resolves.
    flags.push('--legacy-peer-deps')
    run(folder, 'npm', 'install', './latchkey-0.1.0.tgz', 'typescript@5', '@types/node@20', ...packages, ...flags)
    cpSync(join(root, 'e2e/peers'), folder, { recursive: true })
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--esModuleInterop']
    run(folder, 'npx', 'tsc', ...options, '--module', 'nodenext', '--target', 'es2022', 'check.ts')
    run(folder, 'node', 'run.mjs')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const [end, packages] of Object.entries(ENDS)) {
  if (chosen.length > 0 && !chosen.includes(end)) continue
  console.log(`${end}: ${packages.join(' ')}`)
  tryEnd(packages)
}
