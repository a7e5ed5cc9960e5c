import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Files } from './files.ts'
import { InitError } from './init-error.ts'

/** The starters, in the order in which they are offered. */
export const STARTERS = {
  'vite-hono': 'Vite, React and Hono',
  next: 'Next',
  sveltekit: 'SvelteKit',
  nuxt: 'Nuxt',
} as const

/** One of {@link STARTERS}. */
export type Starter = keyof typeof STARTERS

/** @throws {InitError} `INIT_TEMPLATE_UNKNOWN` */
export function starterOf(name: string): Starter {
  if (Object.hasOwn(STARTERS, name)) return name as Starter
  throw new InitError('INIT_TEMPLATE_UNKNOWN', `${name}. There are ${Object.keys(STARTERS).join(', ')}`)
}

/** `starter.json`: where a starter has the files that all of them share. */
interface Layout {
  readonly port: number
  /** Folders and files of the starter, by the folder or file of `shared`; `.` is the folder of the app. */
  readonly shared: Readonly<Record<string, string>>
}

/** Returns the files of a new app, with a secret of its own. */
export function filesOf(starter: Starter, folder: string): Files {
  const { port, shared } = JSON.parse(readFileSync(join(places(), starter, 'starter.json'), 'utf8')) as Layout
  const own = textsOf(join(places(), starter))
  own.delete('starter.json')
  const common = [...textsOf(join(places(), 'shared'))].flatMap(([path, text]) => {
    const [from, to] = Object.entries(shared).find(([from]) => path === from || path.startsWith(`${from}/`)) ?? []
    return from === undefined || to === undefined ? [] : [[path.replace(from, to), text] as const]
  })
  const values = { name: nameOf(folder), port: String(port), latchkey: `^${versionOf()}` }
  // A starter's own file comes before a shared one.
  const files = new Map([...common, ...own].map(([path, text]) => [path, fill(text, values)] as const))
  return files.set('.env', `BETTER_AUTH_SECRET=${randomBytes(32).toString('base64url')}\n`)
}

/** The port on which a starter develops. */
export function portOf(starter: Starter): number {
  return (JSON.parse(readFileSync(join(places(), starter, 'starter.json'), 'utf8')) as Layout).port
}

/** Replaces `{{name}}` by its value. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (all, name: string) => values[name] ?? all)
}

/** The folder of the starters: in the package beside `dist`, in the repository beside `adapters`. */
export function places(): string {
  const found = ['../../../e2e/starters', '../../../../e2e/starters']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path))
  return found!
}

/** Returns all files of a folder by their paths. npm leaves out a `.gitignore`, so it is shipped as `_gitignore`. */
function textsOf(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    entries.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [
        path
          .slice(folder.length + 1)
          .split(sep)
          .join('/'),
        readFileSync(path, 'utf8'),
      ]
    }),
  )
}

/** The name of a package may have fewer characters than that of a folder. */
function nameOf(folder: string): string {
  const name = basename(resolve(folder)).toLowerCase()
  return name.replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'app'
}

function versionOf(): string {
  const file = join(places(), '../../package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
