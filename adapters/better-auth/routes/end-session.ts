/** The path to which native apps send a sign-out: their client deletes its cookie before a request to the usual one. */
const PATH = '/latchkey/end-session'

/**
 * Returns the request as the sign-out that it is, so that the hooks of all plugins see it as one.
 *
 * @returns undefined if it is another request
 */
export function asSignOut({ url, method, headers, signal, body }: Request): Request | undefined {
  const { origin, pathname, search } = new URL(url)
  if (method !== 'POST' || !pathname.endsWith(PATH)) return undefined
  const signOut = `${origin}${pathname.slice(0, -PATH.length)}/sign-out${search}`
  // `duplex` is required for a body that is a stream (Fetch §5.4), and unknown to the types.
  return new Request(signOut, { method, headers, signal, ...(body && { body, duplex: 'half' }) } as RequestInit)
}
