import { type OwnedSession, type SessionResolver, betterAuthCookie, createSessionResolver } from 'latchkey/server'
import { createAuthenticator } from 'latchkey/server/kit'
import { headers } from 'next/headers'

let made: SessionResolver | undefined

/** Not at module level: a build runs that too, and knows nothing of where the app will be. */
export function resolver(): SessionResolver {
  const origin = process.env['APP_ORIGIN'] ?? 'http://localhost:3000'
  return (made ??= createSessionResolver({
    localFirst: { audience: origin, afterUpgrade: 'allow' },
    cookieSession: betterAuthCookie({ baseURL: `${process.env['ACCOUNT_SERVER']}/api/auth`, origins: [origin] }),
  }))
}

/** Who sees a page, or null. */
export async function viewer(): Promise<OwnedSession | null> {
  // A build stops here, before it needs an address.
  const given = await headers()
  const who = await createAuthenticator(resolver())({ headers: given, method: 'GET' })
  if (who.ok) return who.session
  // A fault says nothing about who this is.
  if (who.response.status >= 500) throw new Error(`The session could not be read: ${who.response.status}`)
  return null
}
