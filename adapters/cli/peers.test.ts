import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDevice } from '../../lib/testing.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What comes with the package. */
const DEPENDENCIES = ['@noble/ed25519', '@noble/hashes', '@scure/bip39', 'idb-keyval', 'jose']

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-peers-'))
  for (const part of ['dist', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the program where only these packages are installed. */
function runWith(
  packages: readonly string[],
  parameters: readonly string[],
  input = '',
): Promise<{ code: number; stdout: string; stderr: string }> {
  const installed = join(folder, 'node_modules')
  rmSync(installed, { recursive: true, force: true })
  for (const name of [...DEPENDENCIES, ...packages]) {
    mkdirSync(dirname(join(installed, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(installed, name))
  }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(folder, 'dist/adapters/cli/main.js'), ...parameters],
      { cwd: folder, env: {} },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
    child.stdin!.end(input)
  })
}

describe('a package that is not installed', () => {
  for (const [missing, packages, parameters] of [
    ['better-sqlite3', [], ['dev', '--port', '0']],
    ['pg', [], ['dev', '--port', '0', '--database', 'postgres://127.0.0.1:1/x']],
    ['better-auth', ['better-sqlite3'], ['dev', '--port', '0']],
    ['ioredis', ['better-sqlite3'], ['dev', '--port', '0', '--redis', 'redis://127.0.0.1:1']],
    [
      '@better-auth/redis-storage',
      ['better-sqlite3', 'ioredis'],
      ['dev', '--port', '0', '--redis', 'redis://127.0.0.1:1'],
    ],
  ] as const) {
    test(`${missing}: is named, with the command that installs it`, async () => {
      const { code, stdout, stderr } = await runWith(packages, parameters)
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr: `latchkey: This needs the package ${missing}, which is not installed: npm install ${missing}\n`,
      })
    })
  }

  for (const [missing, packages] of [
    ['better-sqlite3', ['better-auth']],
    ['better-auth', ['better-sqlite3']],
  ] as const) {
    test(`${missing}: is a problem for doctor, also before the first start`, async () => {
      const { code, stdout } = await runWith(packages, ['doctor', '--data-dir', join(folder, 'none')])
      expect(stdout).toContain(`This needs the package ${missing}, which is not installed: npm install ${missing}`)
      expect(code).toBe(1)
    })
  }

  test('none is needed to inspect a token', async () => {
    const device = await testDevice()
    const token = await device.token({ audience: 'https://notes.example' })
    const { code, stdout } = await runWith([], ['inspect', '--audience', 'https://notes.example'], token)
    expect(stdout).toContain(device.principal)
    expect(code).toBe(0)
  })
})
