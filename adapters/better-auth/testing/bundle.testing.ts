import { mkdtempSync, symlinkSync } from 'node:fs'
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

async function make(entry: string, outDir: string): Promise<string> {
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
      rollupOptions: { output: { entryFileNames: 'program.mjs', chunkFileNames: '[name]-[hash].mjs' } },
    },
  })
  return join(outDir, 'program.mjs')
}
