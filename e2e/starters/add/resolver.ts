import { createBetterAuthResolver } from 'latchkey/better-auth'
import { auth } from '{{auth}}'

/**
 * Tells who sends a request, with or without an account:
 *
 *     const who = await resolver.resolve(request)
 *     if (!who.ok) return who.response()
 *     // The rows of the user are those of `who.session.principals`.
 */
export const resolver = createBetterAuthResolver(auth)
