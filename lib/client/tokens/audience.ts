import type { AuthOptions } from '../auth.ts'

/** Returns the `aud` of tokens for the page's own origin. */
export function defaultAudience(options: AuthOptions): string {
  const audience = options.audience ?? globalThis.location?.origin
  // All opaque origins (sandboxed frames, data: workers) have the name "null", and all local files share one origin.
  if (!audience || /^(null$|file:)/.test(audience)) throw new TypeError('audience: required where there is no location')
  return audience
}

/** True if tokens for this audience come from the account server's token exchange. */
export function isExchanged({ audiences = {} }: AuthOptions, audience: string): boolean {
  // A text has no `audience`.
  return Object.values(audiences).some(
    (entry) => (entry as Partial<Exclude<typeof entry, string>>).audience === audience,
  )
}
