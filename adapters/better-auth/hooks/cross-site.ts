import type { GenericEndpointContext } from 'better-auth'
import { refusal } from './proofs.ts'

/** Requests that fix an account's principal by asking who it is, and that another site can make a browser send. */
export const ASKS_WHO: readonly (string | undefined)[] = ['/latchkey/session', '/token']

type Asked = Pick<GenericEndpointContext, 'headers' | 'context'>

/**
 * Returns true if a page or a link of another site made the browser send the request (Fetch Metadata). A trusted origin
 * on another site sends its `Origin`.
 */
export function isCrossSite({ headers, context }: Asked): boolean {
  if (headers?.get('sec-fetch-site') !== 'cross-site') return false
  const origin = headers.get('origin')
  return !origin || !context.isTrustedOrigin(origin)
}

/**
 * Refuses a request that another site made the browser send.
 *
 * @throws {APIError} `CROSS_SITE_FORBIDDEN`
 */
export function refuseCrossSite(asked: Asked): void {
  if (isCrossSite(asked)) throw refusal('CROSS_SITE_FORBIDDEN')
}
