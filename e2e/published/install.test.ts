import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'latchkey-install-'))
const subpaths = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }).exports,
).filter((subpath) => subpath !== './package.json')

/** Subpaths that need a peer, with the peer. */
const PEERS: Record<string, string> = {
  './better-auth': 'better-auth',
  './better-auth/client': 'better-auth',
  './react': 'react',
  './vue': 'vue',
  './svelte': 'svelte',
  './solid': 'solid-js',
  './angular': '@angular/core',
  './playwright': '@playwright/test',
}

function npm(...parameters: string[]): string {
  return execFileSync('npm', [...parameters, '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** Imports subpaths in the installed project, and returns the names that each exports. */
function namesOf(...imported: string[]): string[][] {
  const modules = imported.map((subpath) => `await import('${subpath.replace('.', 'latchkey')}')`)
  const program = `console.log(JSON.stringify([${modules.join()}].map(Object.keys)))`
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: project, encoding: 'utf8' }),
  ) as string[][]
}

beforeAll(() => {
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }')
  const [{ filename }] = JSON.parse(npm('pack', root, '--json')) as [{ filename: string }]
  npm('install', `./${filename}`)
}, 180_000)

afterAll(() => rmSync(project, { recursive: true }))

test('the package brings its six dependencies along, and no peer', () => {
  const installed = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
  expect(installed.filter((path) => /^(@[^/]+\/)?[^@./][^/]*$/.test(path)).sort()).toEqual([
    '@noble/ed25519',
    '@noble/hashes',
    '@scure/bip39',
    'hpke',
    'idb-keyval',
    'jose',
    'latchkey',
  ])
})

test('every subpath without a peer can be imported at once', () => {
  const imported = subpaths.filter((name) => !PEERS[name])
  expect(namesOf(...imported)).toEqual(imported.map(() => expect.arrayContaining([expect.any(String)])))
})

test('every subpath can be imported once its peer is there', () => {
  // Those of this project, whose versions are tested elsewhere.
  for (const peer of new Set(Object.values(PEERS))) {
    mkdirSync(join(project, 'node_modules', dirname(peer)), { recursive: true })
    symlinkSync(join(root, 'node_modules', peer), join(project, 'node_modules', peer))
  }
  expect(namesOf(...subpaths)).toEqual(subpaths.map(() => expect.arrayContaining([expect.any(String)])))
}, 300_000)

test('the main entry exports what the README shows', () => {
  expect(namesOf('.', './node', './server')).toEqual([
    expect.arrayContaining(['createAuth', 'isLatchkeyError']),
    ['fileStore'],
    expect.arrayContaining(['createSessionResolver', 'requireWriter', 'owns']),
  ])
})
