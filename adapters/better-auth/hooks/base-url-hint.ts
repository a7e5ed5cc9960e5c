import type { AuthContext } from 'better-auth'
import { decodeJwt } from 'jose'

const MAX_SHOWN_CHARACTERS = 200

/** Servers that have logged the hint. */
const told = new WeakSet<object>()

/**
 * Logs once, and never in production, which audience was refused and which one is expected: behind a development proxy,
 * a wrong `baseURL` makes the server refuse every token and proof, and nothing else explains why.
 *
 * @param token - the token or proof that was refused for its audience; only its `aud` is shown
 */
export function hintAtBaseURL(
  { logger }: Pick<AuthContext, 'logger'>,
  token: string | null | undefined,
  expected: string | readonly string[],
): void {
  if (!token || told.has(logger) || isProduction()) return
  const audience = audienceOf(token)
  if (audience === null) return
  told.add(logger)
  logger.warn(
    `Latchkey refused a token for ${audience}: this server expects ${JSON.stringify(expected)}. ` +
      'Behind a proxy, set baseURL to the origin that browsers see.',
  )
}

function isProduction(): boolean {
  return typeof process === 'object' && process.env['NODE_ENV'] === 'production'
}

/** Not verified, so it is quoted and truncated. */
function audienceOf(token: string): string | null {
  try {
    return JSON.stringify(decodeJwt(token).aud ?? null).slice(0, MAX_SHOWN_CHARACTERS)
  } catch {
    return null
  }
}
