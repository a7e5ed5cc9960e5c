import { readFileSync, readdirSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { Hono } from 'hono'
import { compress } from 'hono/compress'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
}

/** Serves the built page. The files are read once at the start, and no other file can be requested. */
export function createSite(folder: string): Hono {
  const site = new Hono()
  site.use(compress())
  for (const [path, content] of readFiles(folder)) {
    const headers = {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'cache-control': cachingOf(path),
    }
    site.get(path, (context) => context.body(content, 200, headers))
    if (path === '/index.html') site.get('/', (context) => context.body(content, 200, headers))
  }
  return site
}

function readFiles(folder: string): [path: string, content: Uint8Array<ArrayBuffer>][] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map((entry) => {
    const file = join(entry.parentPath, entry.name)
    return [`/${relative(folder, file).split(sep).join('/')}`, new Uint8Array(readFileSync(file))]
  })
}

/** Names under /assets/ contain a hash of their content; the others must be revalidated. */
function cachingOf(path: string): string {
  return path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
}
