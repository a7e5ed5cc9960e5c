// Serves an empty page with the library in it, on a loopback port of its own.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const PAGE =
  '<!doctype html><title>Harness</title><link rel="icon" href="data:,"><script type="module" src="/harness.js"></script>'

/**
 * Each call is another origin. The page under `/opaque` has none, as in a sandboxed frame.
 *
 * @param {Promise<Map<string, string>>} bundled from {@link bundleHarness}, to serve the same on several origins
 * @returns {Promise<{ url: string, close(): void }>}
 */
export async function startHarness(bundled = bundleHarness()) {
  const files = await bundled
  const server = createServer((request, response) => {
    const code = files.get((request.url ?? '/').slice(1))
    const sandbox = request.url === '/opaque' && { 'content-security-policy': 'sandbox allow-scripts' }
    if (code)
      response.writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' }).end(code)
    else response.writeHead(200, { 'content-type': 'text/html', ...sandbox }).end(PAGE)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { url: `http://localhost:${address.port}`, close: () => void server.close() }
}

/** @returns {Promise<Map<string, string>>} what the page loads, by file name */
export async function bundleHarness() {
  const input = { harness: fileURLToPath(new URL('../../harness/main.ts', import.meta.url)) }
  const output = await build({
    logLevel: 'silent',
    configFile: false,
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' } },
    },
  })
  const chunks = (Array.isArray(output) ? output : [output]).flatMap((part) => ('output' in part ? part.output : []))
  return new Map(chunks.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk.code]] : [])))
}
