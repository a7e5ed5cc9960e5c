import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FRAMEWORKS } from './frameworks.ts'
import { INIT_ERRORS } from './init-error.ts'
import { type InitOptions, init } from './init.ts'
import { STARTERS } from './starters.ts'
import type { Ask } from './terminal.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'latchkey-init-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const run = (options: Partial<InitOptions> = {}, ask: Ask = null): Promise<string> =>
  init(folder, { isDry: false, mayOverwrite: false, ...options }, ask)

const paths = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted()

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

const read = (path: string): string => readFileSync(join(folder, path), 'utf8')

function putPackage(dependencies: readonly string[], rest: object = {}): void {
  put(
    'package.json',
    JSON.stringify({ dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])), ...rest }),
  )
}

describe('a starter', () => {
  test.each(Object.keys(STARTERS))(
    '%s is complete, has no placeholder left, and a secret of its own',
    async (template) => {
      const told = await run({ template })
      expect(paths()).toEqual(expect.arrayContaining(['.env', '.gitignore', 'README.md', 'package.json']))
      for (const path of paths()) expect(read(path), path).not.toMatch(/\{\{(name|port|latchkey|client|auth)\}\}/)
      const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
      expect(dependencies['latchkey']).toMatch(/^\^\d/)
      expect(read('.env')).toMatch(/^BETTER_AUTH_SECRET=[\w-]{43}\n$/)
      expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600)
      expect(read('.gitignore').split('\n')).toContain('.env')
      expect(told).toContain('npm run dev')
      expect(told).not.toContain(read('.env').trim().split('=')[1])
    },
  )

  test('needs an empty folder; a repository without a commit is one', async () => {
    mkdirSync(join(folder, '.git'))
    put('notes.txt', 'mine')
    await expect(run({ template: 'vite-hono', mayOverwrite: true })).rejects.toThrow(
      /^INIT_FOLDER_NOT_EMPTY: .*notes\.txt/,
    )
    expect(paths()).toEqual(['notes.txt'])
    rmSync(join(folder, 'notes.txt'))
    await run({ template: 'vite-hono' })
    expect(paths()).toContain('package.json')
  })

  test('is chosen by a number at a terminal, and has to be named elsewhere', async () => {
    await expect(run()).rejects.toThrow(/^INIT_TEMPLATE_MISSING: .*vite-hono/)
    await expect(run({ template: 'angular' })).rejects.toThrow(/^INIT_TEMPLATE_UNKNOWN: /)
    await expect(run({ template: 'toString' })).rejects.toThrow(/^INIT_TEMPLATE_UNKNOWN: /)
    expect(paths()).toEqual([])
    const questions: string[] = []
    await run({}, async (question) => (questions.push(question), ''))
    expect(questions.join()).toContain('SvelteKit')
    expect(paths()).toContain('vite.config.ts')
  })

  test('writes nothing in a dry run', async () => {
    expect(await run({ template: 'vite-hono', isDry: true })).toMatch(/package\.json[\s\S]*Nothing was written/)
    expect(paths()).toEqual([])
  })
})

describe('an app that exists', () => {
  test.each(FRAMEWORKS.map(({ name, packages }) => [name, packages] as const))(
    'with %s gets new files only, in TypeScript or JavaScript',
    async (name, packages) => {
      putPackage(packages)
      const told = await run()
      expect(told.startsWith(`${name}, with npm`)).toBe(true)
      const scripts = paths().filter((path) => path.endsWith('.js'))
      expect(scripts.length).toBeGreaterThan(2)
      for (const path of scripts) expect(read(path), path).not.toMatch(/\{\{|: string|: Request/)
      const again = await run()
      for (const path of scripts) expect(again).toContain(`unchanged ${path}`)
      for (const path of scripts) rmSync(join(folder, path))
      put('tsconfig.json', '{}')
      await run()
      expect(paths().filter((path) => path.endsWith('.ts'))).toEqual(scripts.map((path) => path.replace(/js$/, 'ts')))
      for (const path of paths().filter((path) => path.endsWith('.ts'))) expect(importsOf(path), path).toEqual([])
    },
  )

  test.each([
    ['hono', [], /^lib\//],
    ['express', [], /^lib\//],
    ['fastify', [], /^lib\//],
    ['vite', ['react'], /^server\//],
  ])('with %s, imports on the server are those of Node', async (name, more, onServer) => {
    putPackage([name, ...more])
    await run()
    const scripts = paths().filter((path) => onServer.test(path))
    expect(scripts.length).toBeGreaterThan(1)
    const imported = scripts.flatMap((path) =>
      [...read(path).matchAll(/from '(\..+)'/g)].map(([, target]) => join(dirname(path), target!)),
    )
    expect(imported.length).toBeGreaterThan(0)
    for (const path of imported) expect(paths()).toContain(path)
  })

  test.each([
    ['a project that compiles', { module: 'nodenext' }, './latchkey.js'],
    ['a project that Node runs as it is', { module: 'nodenext', allowImportingTsExtensions: true }, './latchkey.ts'],
    ['a project that rewrites', { rewriteRelativeImportExtensions: true }, './latchkey.ts'],
    ['a bundler', { moduleResolution: 'bundler' }, './latchkey.js'],
  ])('in TypeScript, for %s, imports end as its tsconfig says', async (_, compilerOptions, target) => {
    putPackage(['hono'])
    put('tsconfig.json', `// A comment.\n${JSON.stringify({ compilerOptions }).replace(/}}$/, '},}')}`)
    await run()
    expect(read('lib/sign-up.ts')).toContain(`from '${target}'`)
  })

  test('follows a tsconfig that only refers to others', async () => {
    putPackage(['vite', 'react'])
    put('tsconfig.app.json', '{ "compilerOptions": { /* Vite */ "allowImportingTsExtensions": true } }')
    for (const [path, end] of [
      ['./tsconfig.node.json', 'js'],
      ['./tsconfig.app.json', 'ts'],
    ] as const) {
      put('tsconfig.json', JSON.stringify({ files: [], references: [{ path }] }))
      await run({ mayOverwrite: true })
      expect(read('server/resolver.ts')).toContain(`from './auth.${end}'`)
    }
  })

  test('is told what its new server needs, also by a second run', async () => {
    putPackage(['next'])
    for (let time = 0; time < 2; time++)
      expect(await run()).toMatch(/Set BETTER_AUTH_SECRET .* app\.sqlite, out of git/)
    for (const path of paths()) rmSync(join(folder, path))
    putPackage(['expo'])
    expect(await run()).not.toContain('BETTER_AUTH_SECRET')
  })

  test.each([
    ['src/auth/server.ts', 'src/auth/client.ts', '../../auth/server', '../auth/client'],
    // Where `init` would put its own.
    ['src/lib/server/auth.ts', 'src/lib/auth-client.ts', './auth', './auth-client'],
  ])('keeps its own Better Auth, whose lines are only told: %s', async (server, client, toServer, toClient) => {
    putPackage(['next', 'better-auth'], { packageManager: 'pnpm@10.0.0' })
    put('tsconfig.json', '{}')
    put(server, 'export const auth = betterAuth({})')
    put(client, 'export const authClient = createAuthClient()')
    const told = await run()
    expect(paths().filter((path) => path.includes('route'))).toEqual([])
    expect(read('src/lib/latchkey.ts')).toContain(`from '${toClient}'`)
    expect(read('src/lib/server/resolver.ts')).toContain(`from '${toServer}'`)
    expect(told).toContain('pnpm add latchkey\n')
    expect(told).toContain(`In ${server}: `)
    expect(told).toContain('migrateSessionsUntil')
    expect(told).not.toContain('BETTER_AUTH_SECRET')
    expect(told).toContain(`In ${client}: `)
    expect(told).toContain(`pnpm exec latchkey migrate --auth ./${server}`)
    expect(read(server)).toBe('export const auth = betterAuth({})')
    expect(await run({ mayOverwrite: true })).toContain(`In ${client}: `)
    expect(read(client)).toBe('export const authClient = createAuthClient()')
  })

  test('finds the package manager by its lock file, in a monorepo above', async () => {
    put('yarn.lock', '')
    mkdirSync(join(folder, '.git'))
    put('apps/web/package.json', '{ "dependencies": { "nuxt": "4" } }')
    const told = await init(join(folder, 'apps/web'), { isDry: true, mayOverwrite: false }, null)
    expect(told).toContain('Nuxt, with yarn')
  })

  test('loses nothing: a file with other content is replaced only if the user confirms it', async () => {
    putPackage(['next'])
    put('lib/latchkey.js', 'mine')
    await expect(run()).rejects.toThrow(/^INIT_FILE_EXISTS: .*lib\/latchkey\.js$/)
    await expect(run({}, async () => '')).rejects.toThrow(/^INIT_FILE_EXISTS: /)
    await expect(run({}, async () => 'no')).rejects.toThrow(/^INIT_FILE_EXISTS: /)
    expect(paths()).toEqual(['lib/latchkey.js', 'package.json'])
    expect(await run({ isDry: true })).toContain('replaced  lib/latchkey.js')
    expect(read('lib/latchkey.js')).toBe('mine')
    await run({}, async () => 'y')
    expect(read('lib/latchkey.js')).toContain('createAuth')
    expect(await run()).toContain('unchanged lib/latchkey.js')
    put('lib/latchkey.js', 'mine')
    await run({ mayOverwrite: true })
    expect(read('lib/latchkey.js')).toContain('createAuth')
  })

  test('is refused with a code where it is not understood', async () => {
    put('package.json', '{ not json')
    await expect(run()).rejects.toMatchObject({ code: 'INIT_PACKAGE_INVALID' })
    putPackage(['jquery'])
    await expect(run()).rejects.toMatchObject({ code: 'INIT_FRAMEWORK_UNKNOWN' })
    expect(paths()).toEqual(['package.json'])
    putPackage(['next'])
    put('lib', 'a file where a folder is needed')
    await expect(run()).rejects.toMatchObject({ code: 'INIT_WRITE_FAILED' })
  })
})

test('docs/cli.md has every code', () => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  for (const code of Object.keys(INIT_ERRORS)) expect(page).toContain(`| \`${code}\` |`)
})

/** The relative imports of a module that lead nowhere. */
function importsOf(path: string): string[] {
  return [...read(path).matchAll(/from '(\..+)'/g)]
    .map(([, target]) => join(folder, dirname(path), target!))
    .filter((target) => !existsSync(target.endsWith('.js') ? target.replace(/js$/, 'ts') : `${target}.ts`))
}
