// The account and the identity without Latchkey, by Better Auth's plugin `anonymous`: its lines are counted in
// docs/engines.md, beside ../with/account.ts. The other files of this folder take what this one returns.
import { betterAuth } from 'better-auth'
import { createAuthClient } from 'better-auth/client'
import { anonymousClient, jwtClient } from 'better-auth/client/plugins'
import { anonymous, jwt } from 'better-auth/plugins'
import Database from 'better-sqlite3'

/** The rows of the guest belong to the new user. What it does is not counted. */
declare function giveRows(owners: { from: string; to: string }): Promise<void>

// The server.
export const server = betterAuth({
  baseURL: 'https://notes.example',
  database: new Database('app.sqlite'),
  emailAndPassword: { enabled: true },
  plugins: [
    anonymous({
      onLinkAccount: ({ anonymousUser, newUser }) => giveRows({ from: anonymousUser.user.id, to: newUser.user.id }),
    }),
    jwt(),
  ],
})

// The client.
export const authClient = createAuthClient({ plugins: [anonymousClient(), jwtClient()] })

/** Returns the user's id: a guest's at the first visit, and that of the last visit if there is no network. */
export async function openUser(): Promise<string> {
  const found = await authClient.getSession().catch(() => null)
  if (!found || found.error) {
    const kept = localStorage.getItem('user')
    if (kept === null) throw new Error('the first visit needs the network')
    return kept
  }
  const user = found.data?.user ?? (await authClient.signIn.anonymous()).data?.user
  if (!user) throw new Error('there is no user now')
  localStorage.setItem('user', user.id)
  return user.id
}

export async function getToken(): Promise<string> {
  const { data } = await authClient.token()
  if (!data) throw new Error('there is no token now')
  return data.token
}

/** An engine's notes. */
interface Notes {
  clear(): Promise<unknown>
}

/** The user's id is another one afterwards: the page opens the engine again. */
export async function signUp(notes: Notes, email: string, password: string): Promise<string> {
  const { error } = await authClient.signUp.email({ email, password, name: email })
  if (error) return 'Please try again.'
  await notes.clear()
  location.reload()
  return 'Welcome!'
}

export async function signOut(notes: Notes): Promise<void> {
  await authClient.signOut()
  localStorage.removeItem('user')
  await notes.clear()
  location.reload()
}
