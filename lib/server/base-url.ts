/**
 * Returns a base URL without its trailing slashes.
 *
 * @throws {TypeError} not an http(s) URL
 */
export function withoutSlash(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') throw new TypeError('expected an http(s) URL')
  return url.replace(/\/+$/, '')
}
