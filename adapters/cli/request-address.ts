import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** The header in which this server passes the client's address to Better Auth. */
export const ADDRESS_HEADER = 'x-latchkey-client-address'

/**
 * Returns a function that reads the client's address, for rate limits. The last address in the proxy's header counts:
 * the proxy wrote it, and the client can send any others before it. Without an address there, it is the proxy's own.
 */
export function createAddressOf(proxyHeader: string | null): (message: IncomingMessage) => string {
  return ({ headersDistinct, socket }) => {
    const own = socket.remoteAddress ?? ''
    if (proxyHeader === null) return own
    const last = withoutPort(headersDistinct[proxyHeader]?.join(',').split(',').at(-1)?.trim() ?? '')
    return isIP(last) ? last : own
  }
}

/** Some proxies add the client's port, as Azure Application Gateway does. */
function withoutPort(address: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? address.replace(/^([\d.]+):\d+$/, '$1')
}
