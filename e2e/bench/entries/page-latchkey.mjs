import { createAuthClient } from 'better-auth/client'
import { createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'

const authClient = createAuthClient({ plugins: [latchkeyClient()] })
const auth = createAuth({ account: betterAuthAccount(authClient) })
const at = { identity: 0, token: 0, answer: 0 }

async function run() {
  await auth.ready
  at.identity = performance.now()
  const token = auth.getToken().then(() => (at.token = performance.now()))
  const response = await auth.fetch('/api/notes')
  await response.json()
  at.answer = performance.now()
  await token
  return { ...at, status: response.status, mode: auth.getState().authMode }
}

Object.assign(globalThis, { result: run(), auth, authClient })
