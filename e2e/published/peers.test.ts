import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { ENDS, UNRELATED } from '../tools/campaigns/peer-versions.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'latchkey-ranges-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Resolves the tree, and installs nothing. */
function resolve(packages: readonly string[]): void {
  writeFileSync(join(folder, 'package.json'), '{ "name": "app", "private": true }')
  rmSync(join(folder, 'package-lock.json'), { force: true })
  const flags = ['--package-lock-only', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts']
  execFileSync('npm', ['install', `file:${root}`, '--install-links', ...packages, ...flags], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

// Better Auth has ranges of its own: beside it, an app can have neither React 17 nor an old better-sqlite3.
const withoutBetterAuth = ENDS.oldest.filter((name) => !name.startsWith('better-auth@'))

test.each([
  ['the oldest peers', withoutBetterAuth],
  ['the newest peers', ENDS.newest],
  ['packages that only the command line uses, in any version', UNRELATED],
  ['Better Auth 1.7.0', ['better-auth@1.7.0']],
] as const)('npm installs the package beside %s (checklist 36: older peers)', (_, packages) => {
  expect(() => resolve(packages)).not.toThrow()
})

test('what only the command line uses is no peer', () => {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    peerDependencies: Record<string, string>
  }
  expect(Object.keys(peerDependencies)).toEqual([
    '@angular/core',
    '@playwright/test',
    '@triplit/client',
    'better-auth',
    'express',
    'fastify',
    'hono',
    'oauth2-mock-server',
    'react',
    'sodium-native',
    'solid-js',
    'svelte',
    'vue',
    'ws',
  ])
})
