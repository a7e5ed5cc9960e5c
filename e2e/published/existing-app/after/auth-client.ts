import { createAuthClient } from 'better-auth/client'
import { createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'

export const authClient = createAuthClient({ plugins: [latchkeyClient()] })
export const auth = createAuth({ account: betterAuthAccount(authClient) })
