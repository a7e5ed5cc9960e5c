// One of the server processes of race.test.ts: signs a person up when it is told to.
import Database from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { latchkey } from 'latchkey/better-auth'

const [, , file, origin] = process.argv
const auth = betterAuth({
  baseURL: origin,
  secret: 'a secret of at least thirty-two characters',
  database: new Database(file),
  emailAndPassword: { enabled: true, password: { hash: async (password) => password, verify: async () => true } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  plugins: [latchkey()],
})

process.on('message', async ({ email, proof }) => {
  const response = await auth.handler(
    new Request(`${origin}/api/auth/sign-up/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-latchkey-proof': proof },
      body: JSON.stringify({ email, password: 'correct horse battery', name: email }),
    }),
  )
  process.send({ status: response.status })
})

await auth.$context
process.send({ ready: true })
