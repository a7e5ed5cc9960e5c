import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { Plugin, Rollup } from 'vite'

/**
 * Writes sw.js with the list of all built files, including later chunks, which are needed offline too. The developer
 * panel is left out: few users open it.
 */
export function serviceWorker(source: string): Plugin {
  return {
    name: 'service-worker',
    applyToEnvironment: ({ name }) => name === 'client',
    writeBundle({ dir = '' }, bundle) {
      const paths = listFiles(dir).filter((path) => !isDeveloperPanel(bundle[path]))
      const version = createHash('sha256').update(readFileSync(source))
      for (const path of paths) version.update(path).update(readFileSync(join(dir, path)))
      const files = paths.map((path) => (path === 'index.html' ? '/' : `/${path}`))
      const shell = { version: version.digest('hex').slice(0, 16), files }
      writeFileSync(
        join(dir, 'sw.js'),
        readFileSync(source, 'utf8').replace('__SHELL__', () => JSON.stringify(shell)),
      )
    },
  }
}

function isDeveloperPanel(file: Rollup.OutputAsset | Rollup.OutputChunk | undefined): boolean {
  return (
    file?.type === 'chunk' && file.moduleIds.every((id) => /\/lib\/(devtools|machine\/edges|client\/controls)/.test(id))
  )
}

function listFiles(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = entries.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
  return paths.filter((path) => path !== 'sw.js').sort()
}
