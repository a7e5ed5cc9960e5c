import type { AuthOptions } from '../auth.ts'

/** Returns the `aud` of tokens for the page's own origin. */
export function defaultAudience({ audience = nameOf(globalThis.location?.origin) }: AuthOptions): string {
  if (!audience || /^(null$|file:)/.test(audience))
    throw new TypeError('audience: required where the origin is no http(s) address')
  return audience
}

/**
 * Only a web address names one app. All opaque origins are "null" and all local files share one; the origin of an app's shell
 * is that of every app in such a shell (`capacitor://localhost`), and that of an extension changes with its folder.
 */
function nameOf(origin: string | undefined): string | undefined {
  return /^http/.test(origin!) ? origin : undefined
}

/** True if tokens for this audience come from the account server's token exchange. */
export function isExchanged({ audiences = {} }: AuthOptions, audience: string): boolean {
  // A text has no `audience`.
  return Object.values(audiences).some(
    (entry) => (entry as Partial<Exclude<typeof entry, string>>).audience === audience,
  )
}
