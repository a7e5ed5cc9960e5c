/**
 * A base URL without the slashes at its end.
 *
 * @throws {TypeError} it is no http(s) URL
 */
export function withoutSlash(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') throw new TypeError('expected an http(s) URL')
  return url.replace(/\/+$/, '')
}
