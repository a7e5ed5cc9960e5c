import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InitError } from './init-error.ts'
import type { Ask } from './terminal.ts'

/** Files to write: paths relative to the folder, with `/`, and their content. */
export type Files = ReadonlyMap<string, string>

/** How files are written. */
export interface WriteOptions {
  readonly isDry: boolean
  readonly mayOverwrite: boolean
}

/** What became of each file. */
export type Written = ReadonlyMap<string, 'created' | 'replaced' | 'unchanged'>

/**
 * Writes the files. What exists with other content is replaced only if the options or the person say so; otherwise
 * nothing at all is written.
 *
 * @throws {InitError} `INIT_FILE_EXISTS`, `INIT_WRITE_FAILED`
 */
export async function writeFiles(folder: string, files: Files, options: WriteOptions, ask: Ask): Promise<Written> {
  const fates = new Map([...files].map(([path, text]) => [path, fateOf(join(folder, path), text)] as const))
  const replaced = [...fates].filter(([, fate]) => fate === 'replaced').map(([path]) => path)
  if (replaced.length > 0 && !options.isDry && !options.mayOverwrite) await confirm(replaced, ask)
  if (!options.isDry)
    for (const [path, fate] of fates) if (fate !== 'unchanged') write(folder, path, files.get(path)!, fate)
  return fates
}

function fateOf(path: string, text: string): 'created' | 'replaced' | 'unchanged' {
  if (!existsSync(path)) return 'created'
  return readFileSync(path, 'utf8') === text ? 'unchanged' : 'replaced'
}

async function confirm(paths: readonly string[], ask: Ask): Promise<void> {
  const answer = await ask?.(`These files exist: ${paths.join(', ')}. Replace them? [y/N] `)
  if (!answer || !/^y(es)?$/i.test(answer)) throw new InitError('INIT_FILE_EXISTS', paths.join(', '))
}

function write(folder: string, path: string, text: string, fate: 'created' | 'replaced'): void {
  const place = join(folder, path)
  try {
    mkdirSync(dirname(place), { recursive: true })
    // A file that appeared meanwhile is not one that may be replaced. The secret of `.env` is for its owner only.
    writeFileSync(place, text, { flag: fate === 'created' ? 'wx' : 'w', mode: path === '.env' ? 0o600 : 0o666 })
  } catch (error) {
    throw new InitError('INIT_WRITE_FAILED', `${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
}
