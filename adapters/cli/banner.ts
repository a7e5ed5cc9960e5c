import { resolve } from 'node:path'
import type { Configuration } from './configuration.ts'

/** What a development server prints at its start: where it is, and the lines that use it. */
export function bannerOf({ place, trustedOrigins }: Configuration, origin: string): string {
  return `
Latchkey runs at ${origin}, for development.
Data             ${place.kind === 'sqlite' ? resolve(place.folder) : 'in Postgres'}
Trusted origins  ${trustedOrigins.join(', ')}

In the app:

  import { createAuthClient } from 'better-auth/client'
  import { createAuth } from 'latchkey'
  import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'

  const authClient = createAuthClient({ baseURL: '${origin}/api/auth', plugins: [latchkeyClient()] })
  export const auth = createAuth({ account: betterAuthAccount(authClient), audiences: { '${origin}': '${origin}' } })

On your API server:

  import { betterAuthIssuer, createSessionResolver } from 'latchkey/server'

  export const resolver = createSessionResolver({
    localFirst: { audience: 'http://localhost:5173', afterUpgrade: 'allow' }, // the origin of your app
    external: betterAuthIssuer({ baseURL: '${origin}/api/auth' }),
  })

`
}
