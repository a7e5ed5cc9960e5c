/** What `fetch` throws where there is no network: Chromium, Firefox, WebKit, Node, Bun. */
const MESSAGES =
  /^(Failed to fetch|NetworkError when attempting to fetch resource|Load failed|fetch failed|network error|Network request failed|The Internet connection appears to be offline|The network connection was lost|Unable to connect)/

/**
 * True for what `fetch` throws where the server cannot be reached. It is a `TypeError`, and so is a mistake of the app:
 * only the message tells them apart.
 */
export function isNetworkError(error: unknown): boolean {
  const { name, message } = (error ?? {}) as Partial<Error>
  return name === 'TypeError' && typeof message === 'string' && MESSAGES.test(message)
}
