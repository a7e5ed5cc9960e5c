import type { ConvexClient } from 'convex/browser'
import type { Auth } from 'latchkey'
import { tokenFor } from 'latchkey/session'

export function connectConvex(auth: Auth, client: ConvexClient): void {
  const getToken = tokenFor(auth, { onOffline: 'wait' })
  const authenticate = (): void => client.setAuth(({ forceRefreshToken }) => getToken({ fresh: forceRefreshToken }))
  let principal: string | undefined
  // For another user, and for none: Convex keeps the last token until shortly before it expires.
  auth.subscribe(({ session }) => {
    if (session?.principal === principal) return
    principal = session?.principal
    authenticate()
  })
  authenticate()
}
