import type { IncomingMessage } from 'node:http'

/** The header in which this server tells Better Auth who is calling. */
export const ADDRESS_HEADER = 'x-latchkey-client-address'

/**
 * Says who is calling, for rate limits. Of a list in the proxy's header the last one counts: the proxy wrote it, and
 * the ones before it are whatever the caller sent.
 */
export function createAddressOf(proxyHeader: string | null): (message: IncomingMessage) => string {
  return ({ headersDistinct, socket }) => {
    const own = socket.remoteAddress ?? ''
    if (proxyHeader === null) return own
    const last = headersDistinct[proxyHeader]?.join(',').split(',').at(-1)?.trim()
    return last || own
  }
}
