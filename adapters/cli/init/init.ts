import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { planAddition } from './add.ts'
import { detect } from './detect.ts'
import { type WriteOptions, type Written, writeFiles } from './files.ts'
import { InitError } from './init-error.ts'
import { STARTERS, type Starter, filesOf, portOf, starterOf } from './starters.ts'
import type { Ask } from './terminal.ts'

/** Options of {@link init}. */
export interface InitOptions extends WriteOptions {
  /** A starter. Without it, the app of the folder is extended. */
  readonly template?: string
}

/**
 * Creates an app from a starter, or extends the app of a folder.
 *
 * @param ask - how to ask the person; null if the process is not interactive
 * @returns what was done, and what is left to do
 * @throws {InitError} nothing was written, except for `INIT_WRITE_FAILED`
 */
export async function init(folder: string, options: InitOptions, ask: Ask): Promise<string> {
  if (options.template === undefined && existsSync(join(folder, 'package.json'))) return extend(folder, options, ask)
  return create(starterOf(options.template ?? (await choose(ask))), folder, options)
}

async function choose(ask: Ask): Promise<string> {
  const names = Object.keys(STARTERS)
  const list = Object.entries(STARTERS).map(([name, title], index) => `  ${index + 1}  ${name.padEnd(10)} ${title}\n`)
  if (!ask) throw new InitError('INIT_TEMPLATE_MISSING', `add --template ${names.join(' | ')}`)
  const answer = await ask(`${list.join('')}Which starter? [1] `)
  return names[Number(answer || 1) - 1] ?? answer
}

/** What a new repository may have already. */
const HARMLESS = new Set(['.git', '.DS_Store', '.idea', '.vscode', 'LICENSE'])

async function create(starter: Starter, folder: string, options: WriteOptions): Promise<string> {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => !HARMLESS.has(name)) : []
  if (found.length > 0) throw new InitError('INIT_FOLDER_NOT_EMPTY', `${folder} has ${found.slice(0, 3).join(', ')}`)
  const files = filesOf(starter, folder)
  const written = await writeFiles(folder, files, options, null)
  const place = relative('', folder)
  const left = [...(place ? [`cd ${place}`] : []), 'npm install', `npm run dev    http://localhost:${portOf(starter)}`]
  return report(`${STARTERS[starter]}, in ${folder}`, written, left, options)
}

async function extend(folder: string, options: WriteOptions, ask: Ask): Promise<string> {
  const app = detect(folder)
  const { files, left } = planAddition(folder, app)
  const written = await writeFiles(folder, files, options, ask)
  return report(`${app.framework.name}, with ${app.packageManager}`, written, left, options)
}

function report(title: string, written: Written, left: readonly string[], { isDry }: WriteOptions): string {
  const lines = [...written].map(([path, fate]) => `  ${fate.padEnd(10)}${path}`)
  const steps = left.map((step, index) => `  ${index + 1}. ${step}`)
  const note = isDry ? 'Nothing was written: this is a dry run.\n\n' : ''
  return `${title}\n\n${lines.join('\n')}\n\n${note}Left to do:\n\n${steps.join('\n')}\n`
}
