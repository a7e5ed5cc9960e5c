import type { GenericEndpointContext } from 'better-auth'
import { refusal } from './proofs.ts'

/** Requests that fix an account's principal by asking who it is, and that a page of another site can make a browser send. */
export const ASKS_WHO: readonly (string | undefined)[] = ['/latchkey/session', '/token']

/**
 * Refuses a request that a page or a link of another site made the browser send (Fetch Metadata). A trusted origin on
 * another site says its `Origin`.
 *
 * @throws {APIError} `CROSS_SITE_FORBIDDEN`
 */
export function refuseCrossSite({ headers, context }: Pick<GenericEndpointContext, 'headers' | 'context'>): void {
  if (headers?.get('sec-fetch-site') !== 'cross-site') return
  const origin = headers.get('origin')
  if (!origin || !context.isTrustedOrigin(origin)) throw refusal('CROSS_SITE_FORBIDDEN')
}
