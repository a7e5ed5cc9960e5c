import type { MiddlewareHandler } from 'hono'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Allows no script from other origins: it could use the device key while the page is open. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next()
  context.header('content-security-policy', POLICY)
  context.header('x-content-type-options', 'nosniff')
  context.header('referrer-policy', 'no-referrer')
  context.header('cross-origin-opener-policy', 'same-origin')
  context.header('cross-origin-resource-policy', 'same-origin')
}

/** Refuses requests for another host: tokens, cookies and links all use the configured one. */
export function onlyHost(origin: string): MiddlewareHandler {
  const { host } = new URL(origin)
  return async (context, next) => {
    if (context.req.header('host') === host) return next()
    return context.text(`This app is at ${origin}\n`, 421)
  }
}
