// Serves what is in memory, on a loopback port of its own.
import { createServer } from 'node:http'

/**
 * @param {ReadonlyMap<string, string>} files by path; what does not end in `.js` is a page
 * @param {string} page what every other path answers
 * @returns {Promise<{ url: string, requests: readonly string[], close(): void }>} `requests`: the paths that were asked
 *   for
 */
export async function serve(files, page = '<!doctype html><title>Empty</title><link rel="icon" href="data:,">') {
  /** @type {string[]} */
  const requests = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    requests.push(pathname)
    const type = files.has(pathname) && pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(files.get(pathname) ?? page)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { url: `http://localhost:${port}`, requests, close: () => void server.close() }
}

/**
 * @param {readonly import('../build/bundle.mjs').Chunk[]} chunks
 * @param {string} folder where they are served
 * @returns {[path: string, code: string][]}
 */
export function filesOf(chunks, folder = '') {
  return chunks.map(({ name, code }) => [`${folder}/${name}`, code])
}
