import type { IncomingMessage } from 'node:http'

/** The header in which this server passes the client's address to Better Auth. */
export const ADDRESS_HEADER = 'x-latchkey-client-address'

/**
 * Returns a function that reads the client's address, for rate limits. The last address in the proxy's header counts:
 * the proxy wrote it, and the client can send any others before it.
 */
export function createAddressOf(proxyHeader: string | null): (message: IncomingMessage) => string {
  return ({ headersDistinct, socket }) => {
    const own = socket.remoteAddress ?? ''
    if (proxyHeader === null) return own
    const last = headersDistinct[proxyHeader]?.join(',').split(',').at(-1)?.trim()
    return last || own
  }
}
