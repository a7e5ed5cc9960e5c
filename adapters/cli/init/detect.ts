import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { type Framework, FRAMEWORKS } from './frameworks.ts'
import { InitError } from './init-error.ts'

/** What was found in the folder of an app. */
export interface FoundApp {
  readonly framework: Framework
  readonly packageManager: PackageManager
  /** What of the packages that are needed is not in package.json. */
  readonly missing: readonly string[]
  readonly isTypeScript: boolean
  /** The compiler lets an import name a file of TypeScript, so that Node can run it. */
  readonly namesTypeScript: boolean
  /** The folder of the sources is `src/`. */
  readonly inSource: boolean
  /** Paths of the modules that call `betterAuth` and `createAuthClient`. */
  readonly server: string | undefined
  readonly client: string | undefined
}

type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun'

/** @throws {InitError} `INIT_PACKAGE_INVALID`, `INIT_FRAMEWORK_UNKNOWN` */
export function detect(folder: string): FoundApp {
  const { dependencies, manager } = readPackage(folder)
  const framework = FRAMEWORKS.find(({ packages }) => packages.every((name) => dependencies.has(name)))
  if (!framework) throw new InitError('INIT_FRAMEWORK_UNKNOWN', FRAMEWORKS.map(({ name }) => name).join(', '))
  const sources = sourcesOf(folder)
  return {
    framework,
    packageManager: manager ?? managerOf(resolve(folder)),
    missing: ['latchkey', 'better-auth'].filter((name) => !dependencies.has(name)),
    isTypeScript: existsSync(join(folder, 'tsconfig.json')) || dependencies.has('typescript'),
    namesTypeScript: namesTypeScript(folder),
    inSource: existsSync(join(folder, 'src')),
    server: moduleWith(folder, sources, /\bbetterAuth\s*\(/),
    client: moduleWith(folder, sources, /\bcreateAuthClient\s*\(/),
  }
}

const NAMES_TYPESCRIPT = /"(allowImportingTsExtensions|rewriteRelativeImportExtensions)"\s*:\s*true/

/** By text: the file may have comments. In an app of `create vite`, it only refers to others beside it. */
function namesTypeScript(folder: string): boolean {
  const path = join(folder, 'tsconfig.json')
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8')
  const named = readdirSync(folder).filter((name) => /^tsconfig\..+\.json$/.test(name) && text.includes(name))
  const texts = [text, ...named.map((name) => readFileSync(join(folder, name), 'utf8'))]
  return texts.some((each) => NAMES_TYPESCRIPT.test(each))
}

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly packageManager?: string
}

function readPackage(folder: string): { dependencies: ReadonlySet<string>; manager: PackageManager | undefined } {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
    const { dependencies = {}, devDependencies = {}, packageManager = '' } = found
    const [, manager] = /^(npm|pnpm|yarn|bun)@/.exec(packageManager) ?? []
    const names = new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)])
    return { dependencies: names, manager: manager as PackageManager | undefined }
  } catch (error) {
    throw new InitError('INIT_PACKAGE_INVALID', error instanceof Error ? error.message : 'unknown error')
  }
}

const LOCKS: Readonly<Record<string, PackageManager>> = {
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
  'package-lock.json': 'npm',
}

/** In a monorepo, the lock file lies in a folder above. */
function managerOf(folder: string): PackageManager {
  const [, found] = Object.entries(LOCKS).find(([name]) => existsSync(join(folder, name))) ?? []
  const parent = dirname(folder)
  return found ?? (parent === folder || existsSync(join(folder, '.git')) ? 'npm' : managerOf(parent))
}

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'public', 'static', 'coverage', 'tests', 'test', 'e2e'])
const MAX_DEPTH = 6
const MAX_FILES = 5000

function sourcesOf(folder: string, depth = 0): string[] {
  if (depth > MAX_DEPTH) return []
  const entries = readdirSync(folder, { withFileTypes: true }).filter(
    ({ name }) => !name.startsWith('.') && !SKIPPED.has(name),
  )
  const files = entries.filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
  const folders = entries.filter((entry) => entry.isDirectory())
  return [
    ...files.map(({ name }) => join(folder, name)),
    ...folders.flatMap(({ name }) => sourcesOf(join(folder, name), depth + 1)),
  ].slice(0, MAX_FILES)
}

function moduleWith(folder: string, sources: readonly string[], call: RegExp): string | undefined {
  const found = sources.find((path) => call.test(readFileSync(path, 'utf8')))
  return found && relative(folder, found).split(sep).join('/')
}
