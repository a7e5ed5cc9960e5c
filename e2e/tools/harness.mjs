// Serves an empty page with the library in it, on a loopback port of its own.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** @returns {Promise<{ url: string, close(): void }>} */
export async function startHarness() {
  const files = await bundleHarness()
  const server = createServer((request, response) => {
    const code = files.get((request.url ?? '/').slice(1))
    if (code) response.writeHead(200, { 'content-type': 'text/javascript' }).end(code)
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Harness</title><link rel="icon" href="data:,"><script type="module" src="/harness.js"></script>')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { url: `http://localhost:${address.port}`, close: () => void server.close() }
}

async function bundleHarness() {
  const input = { harness: fileURLToPath(new URL('../harness/main.ts', import.meta.url)) }
  const output = await build({
    logLevel: 'silent',
    configFile: false,
    build: { write: false, modulePreload: false, rollupOptions: { input, output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' } } },
  })
  const chunks = (Array.isArray(output) ? output : [output]).flatMap((part) => ('output' in part ? part.output : []))
  return new Map(chunks.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk.code]] : [])))
}
