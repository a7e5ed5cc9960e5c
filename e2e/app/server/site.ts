import { readFileSync, readdirSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Context, Hono } from 'hono'
import { accepts } from 'hono/accepts'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
}

/** Serves the built page. The files are read and compressed once at the start, and no other file can be requested. */
export function createSite(folder: string): Hono {
  const site = new Hono()
  for (const [path, content] of readFiles(folder)) {
    const type = TYPES[extname(path)] ?? 'application/octet-stream'
    const headers = { 'content-type': type, 'cache-control': cachingOf(path) }
    const compressed = type.startsWith('image/png') ? null : new Uint8Array(gzipSync(content))
    const serve = (context: Context): Response =>
      compressed && acceptsGzip(context)
        ? context.body(compressed, 200, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
        : context.body(content, 200, headers)
    site.get(path, serve)
    if (path === '/index.html') site.get('/', serve)
  }
  return site
}

function acceptsGzip(context: Context): boolean {
  return accepts(context, { header: 'Accept-Encoding', supports: ['gzip'], default: 'identity' }) === 'gzip'
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
