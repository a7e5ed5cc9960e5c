import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { inject } from 'vitest'

/** Packages with parts that are not JavaScript, or that tests replace. */
const EXTERNAL = ['better-sqlite3', 'pg', 'ioredis', '@better-auth/redis-storage']

const bundles = new Map<string, Promise<string>>()
// Each worker has its own, which its files share.
const folder = mkdtempSync(join(inject('runFolder'), 'bundles-'))

/**
 * Bundles a program that tests start many times: without its hundreds of modules it starts in a third of the time.
 *
 * @param entry - the program, which loads the built package
 * @returns the path of the bundle
 */
export function bundle(entry: URL): Promise<string> {
  const { href } = entry
  const found = bundles.get(href) ?? make(fileURLToPath(entry), join(folder, String(bundles.size)))
  bundles.set(href, found)
  return found
}

/** Runs `program.cjs` from its code cache, or writes that cache once the test disconnects. */
const STARTER = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const { wrap } = require('node:module')
const { Script } = require('node:vm')
const filename = __dirname + '/program.cjs'
const cache = __dirname + '/cache'
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined
const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename, cachedData })
if (!cachedData) process.once('disconnect', () => process.exit(writeFileSync(cache, script.createCachedData())))
script.runInThisContext()(exports, require, module, filename, __dirname)
`

/**
 * Bundles a program that says when it has started, without `await` at its top level. It starts compiled.
 *
 * @param given - what it starts with for that
 * @returns the path of what starts it
 */
export async function compile(entry: URL, given: readonly string[]): Promise<string> {
  const { href } = entry
  const found = bundles.get(href) ?? makeCompiled(fileURLToPath(entry), join(folder, String(bundles.size)), given)
  bundles.set(href, found)
  return found
}

async function makeCompiled(entry: string, outDir: string, given: readonly string[]): Promise<string> {
  await make(entry, outDir, 'cjs')
  const starter = join(outDir, 'start.cjs')
  writeFileSync(starter, STARTER)
  const child = fork(starter, given)
  await once(child, 'message')
  child.disconnect()
  await once(child, 'exit')
  return starter
}

async function make(entry: string, outDir: string, format: 'cjs' | 'es' = 'es'): Promise<string> {
  const extension = format === 'cjs' ? 'cjs' : 'mjs'
  // What stays outside is found from the bundle, too.
  if (bundles.size === 0) symlinkSync(new URL('../../../node_modules', import.meta.url), join(folder, 'node_modules'))
  await build({
    logLevel: 'silent',
    configFile: false,
    ssr: { noExternal: true, external: EXTERNAL },
    build: {
      ssr: entry,
      outDir,
      minify: false,
      rollupOptions: {
        output: {
          format,
          entryFileNames: `program.${extension}`,
          chunkFileNames: `[name]-[hash].${extension}`,
          // The code cache is of one file.
          codeSplitting: format === 'es',
        },
      },
    },
  })
  return join(outDir, `program.${extension}`)
}
