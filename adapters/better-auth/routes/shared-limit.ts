import type { AuthContext } from 'better-auth'
import { getIP } from 'better-auth/api'

/** Logs once that clients share the limits of the exchange. Created by {@link createSharedLimitHint}. */
export type SharedLimitHint = (request: Request | undefined) => void

/**
 * Creates the hint for servers that cannot tell clients apart by address, where one client can use up the tokens of all
 * others. A server that tracks no addresses learns it immediately, any other one at its first request without one.
 */
export function createSharedLimitHint({ options, rateLimit, logger }: AuthContext): SharedLimitHint {
  let isTold = !rateLimit.enabled
  const tell = (why: string): void => {
    if (!isTold) logger.warn(`Latchkey: ${why}; one client can use up the tokens of the exchange.`)
    isTold = true
  }
  if (options.advanced?.ipAddress?.disableIpTracking)
    tell('advanced.ipAddress.disableIpTracking turns the limits for each client off')
  return (request) => {
    if (request && !isTold && getIP(request, options) === null)
      tell(
        "a client's address cannot be read, and all clients without one share one limit. " +
          'Set advanced.ipAddress.ipAddressHeaders or trustedProxies',
      )
  }
}
