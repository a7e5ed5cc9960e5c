// `npm run docs:serve [PORT]`: shows the built site to this machine alone.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const SITE = fileURLToPath(new URL('../../../docs/.vitepress/dist', import.meta.url))

/** @type {Record<string, string>} */
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/**
 * The file for a path of the site, or that of an unknown page.
 *
 * @param {string} pathname of the URL, which has no dot segments
 */
function fileOf(pathname) {
  const path = join(SITE, decodeURIComponent(pathname))
  const candidates = [path, `${path}.html`, join(path, 'index.html')]
  const found = candidates.find((file) => file.startsWith(SITE) && existsSync(file) && statSync(file).isFile())
  return { file: found ?? join(SITE, '404.html'), status: found ? 200 : 404 }
}

/**
 * @param {number} port 0 for any
 * @returns {Promise<{ origin: string, close: () => void }>}
 */
export function serveDocs(port) {
  const server = createServer(({ url }, response) => {
    const { file, status } = fileOf(new URL(url ?? '/', 'http://localhost').pathname)
    response.writeHead(status, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(readFileSync(file))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address())
      resolve({ origin: `http://127.0.0.1:${taken}`, close: () => server.close() })
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(SITE)) throw new Error('There is no site yet: run `npm run docs` first.')
  const { origin } = await serveDocs(Number(process.argv[2] ?? 4397))
  console.log(`The documentation: ${origin}`)
}
