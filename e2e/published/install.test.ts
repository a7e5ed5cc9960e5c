import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** Imports a subpath in the installed project and gives back the names that it exports. */
function namesOf(subpath: string): string[] {
  const name = subpath.replace('.', 'latchkey')
  const program = `console.log(JSON.stringify(Object.keys(await import('${name}'))))`
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: project, encoding: 'utf8' }),
  ) as string[]
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
  for (const subpath of subpaths.filter((name) => !PEERS[name])) expect(namesOf(subpath), subpath).not.toEqual([])
})

test('every subpath can be imported once its peer is there', () => {
  npm('install', ...new Set(Object.values(PEERS)))
  for (const subpath of subpaths) expect(namesOf(subpath), subpath).not.toEqual([])
}, 300_000)

test('the main entry exports what the README shows', () => {
  expect(namesOf('.')).toEqual(expect.arrayContaining(['createAuth', 'isLatchkeyError']))
  expect(namesOf('./node')).toEqual(['fileStore'])
  expect(namesOf('./server')).toEqual(expect.arrayContaining(['createSessionResolver', 'requireWriter', 'owns']))
})
