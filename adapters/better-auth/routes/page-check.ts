import type { GenericEndpointContext } from 'better-auth'
import { refusal } from '../hooks/proofs.ts'

type Asked = Pick<GenericEndpointContext, 'headers' | 'context'>

/**
 * Refuses a request of a page that is not trusted, and one that a link or a form made.
 *
 * @param mustSay - also refuses a request without `Origin`
 * @throws {APIError} `CROSS_SITE_FORBIDDEN`
 */
export function refuseOtherPages({ headers, context }: Asked, mustSay = false): void {
  const origin = headers?.get('origin') ?? null
  const isTrusted = origin === null ? !mustSay : context.isTrustedOrigin(origin)
  if (!isTrusted || headers?.get('sec-fetch-mode') === 'navigate') throw refusal('CROSS_SITE_FORBIDDEN')
}
