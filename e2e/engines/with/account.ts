// The account and the identity with Latchkey: its lines are counted in docs/engines.md, beside ../without/account.ts.
import { betterAuth } from 'better-auth'
import { createAuthClient } from 'better-auth/client'
import Database from 'better-sqlite3'
import { createAuth } from 'latchkey'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'

// The server.
export const server = betterAuth({
  baseURL: 'https://notes.example',
  database: new Database('app.sqlite'),
  emailAndPassword: { enabled: true },
  plugins: [latchkey(), latchkeyJwt()],
})

// The client.
export const authClient = createAuthClient({ plugins: [latchkeyClient()] })
export const auth = createAuth({ account: betterAuthAccount(authClient) })

export async function signUp(email: string, password: string): Promise<string> {
  const { outcome } = await auth.upgrade(() => authClient.signUp.email({ email, password, name: email }))
  if (outcome === 'pending') return 'Check your mailbox.'
  if (outcome === 'conflict' || outcome === 'taken') return 'The data of this device is not in this account.'
  return outcome === 'failed' ? 'Please try again.' : 'Welcome!'
}

/** The local data is deleted before the next user's session starts: `beforeRestart` of the engine's file. */
export async function signOut(): Promise<void> {
  await auth.signOut()
}
