import type { AuthContext } from 'better-auth'

/** Addresses of one server, each its origin plus base path: the accepted `aud` of proofs. */
export type OwnAddresses = readonly [string, ...string[]]

/**
 * Returns the server's addresses, from configuration and never from a Host header.
 *
 * @param audience - the option of the plugin `latchkey`; defaults to Better Auth's base URL
 * @throws {TypeError} there is neither, or the list is empty
 */
export function ownAddresses(
  { options, baseURL }: Pick<AuthContext, 'options' | 'baseURL'>,
  audience: string | readonly string[] | undefined,
): OwnAddresses {
  if (audience !== undefined) return readAddresses([audience].flat())
  if (typeof options.baseURL === 'object' || !baseURL)
    throw new TypeError('latchkey: set baseURL, or the audience option')
  return [baseURL.replace(/\/+$/, '')]
}

/** Returns the base URL under which this process asks its own Better Auth: the configured one, or the first address. */
export function ownBaseURL(context: Pick<AuthContext, 'options' | 'baseURL' | 'getPlugin'>): string {
  const { options } = (context.getPlugin('latchkey') ?? {}) as { options?: { audience?: string | readonly string[] } }
  return context.baseURL.replace(/\/+$/, '') || ownAddresses(context, options?.audience)[0]
}

function readAddresses(addresses: readonly unknown[]): OwnAddresses {
  if (addresses.length === 0 || addresses.some((address) => typeof address !== 'string' || address === ''))
    throw new TypeError('latchkey: audience: expected non-empty strings')
  return addresses as OwnAddresses
}
