/** The start of what `fetch` throws without a network: Chromium, Firefox, WebKit, Node, Bun. */
const MESSAGES = [
  'Failed to fetch',
  'NetworkError when attempting to fetch resource',
  'Load failed',
  'fetch failed',
  'network error',
  'Network request failed',
  'The Internet connection appears to be offline',
  'The network connection was lost',
  'Unable to connect',
]

/**
 * Returns true for what `fetch` throws if the server cannot be reached: a `TypeError`, as for a mistake of the app.
 * Only the message tells them apart.
 */
export function isNetworkError(error: unknown): boolean {
  const { name, message } = (error ?? {}) as Partial<Error>
  return name === 'TypeError' && typeof message === 'string' && MESSAGES.some((start) => message.startsWith(start))
}
