import type { AuthOptions } from '../auth.ts'

/**
 * Returns the `aud` of tokens for the page's own origin. Only a web address names one app: all opaque origins are
 * "null" and all local files share one, and that of an extension may change with its folder.
 *
 * @throws {TypeError} the app has to set `audience`
 */
export function defaultAudience(options: AuthOptions): string {
  const audience =
    options.audience ??
    globalThis.location?.origin.replace(/^(?!http).*|.*\/((tauri\.)?localhost|appassets\.android.*|0\.0\.0\.[01])$/, '')
  // An app may pass on its origin without looking at it.
  if (!audience || /^(null$|file:)/.test(audience)) throw new TypeError('audience: required')
  return audience
}

/** True if tokens for this audience come from the account server's token exchange. */
export function isExchanged({ audiences = {} }: AuthOptions, audience: string): boolean {
  // A text has no `audience`.
  return Object.values(audiences).some(
    (entry) => (entry as Partial<Exclude<typeof entry, string>>).audience === audience,
  )
}
