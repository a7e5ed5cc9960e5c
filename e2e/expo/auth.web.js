import { createAuthClient } from 'better-auth/react'
import { createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'

export const authClient = createAuthClient({ baseURL: 'https://notes.example', plugins: [latchkeyClient()] })

export const auth = createAuth({ account: betterAuthAccount(authClient), audience: 'https://notes.example' })
