// A plain proxy in front of several servers: each request goes to the next one, whichever client sends it.
import { createServer, request as send } from 'node:http'

/**
 * @typedef {{ method: string | undefined, path: string | undefined, headers: import('node:http').IncomingHttpHeaders,
 * body: Buffer }} Message
 */

/**
 * @param {readonly number[]} ports of the servers, on the loopback, as they are at each request
 * @param {{ header: string, addressOf: (message: import('node:http').IncomingMessage) => string }} client the header
 *   that says who is calling
 * @returns {Promise<{ port: number, answered: number[], close(): void }>} `answered`: how many answers came from each
 *   server
 */
export async function startRoundRobin(ports, { header, addressOf }) {
  const answered = ports.map(() => 0)
  let turn = 0

  /** @type {(message: Message, response: import('node:http').ServerResponse, left?: number) => void} */
  function pass(message, response, left = ports.length) {
    const at = turn++ % ports.length
    const { body, ...rest } = message
    const upstream = send({ ...rest, host: '127.0.0.1', port: ports[at], agent: false }, (answer) => {
      answered[at] = (answered[at] ?? 0) + 1
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', () => response.destroy()).pipe(response)
    })
    upstream.on('error', (/** @type {NodeJS.ErrnoException} */ { code }) => {
      if (response.headersSent) response.destroy()
      // Only what no server can have begun goes to another server.
      else if (code === 'ECONNREFUSED' && left > 1) pass(message, response, left - 1)
      else response.writeHead(502).end()
    })
    upstream.end(body)
  }

  const server = createServer(async (request, response) => {
    const { method, url: path, headers } = request
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const { 'transfer-encoding': _, ...kept } = headers
    pass(
      {
        method,
        path,
        headers: {
          ...kept,
          connection: 'close',
          [header]: addressOf(request),
          ...(body.length > 0 && { 'content-length': String(body.length) }),
        },
        body,
      },
      response,
    )
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    port,
    answered,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
