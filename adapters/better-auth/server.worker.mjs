// A server process of its own, on a shared database: a file, or a Postgres. It answers requests, and dies right before
// the statement that it is told (on a file).
import Database from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { Pool } from 'pg'
import { latchkey } from 'latchkey/better-auth'

const [, , place, origin] = process.argv
let statements = 0
let deadly = Number.POSITIVE_INFINITY

function beforeStatement() {
  statements++
  // Not `exit`: nothing may be closed or rolled back politely.
  if (statements === deadly) process.kill(process.pid, 'SIGKILL')
}

const auth = betterAuth({
  baseURL: origin,
  secret: 'a secret of at least thirty-two characters',
  database: place.startsWith('postgres:') ? new Pool({ connectionString: place, max: 4 }) : new Database(place, { verbose: beforeStatement }),
  emailAndPassword: { enabled: true, password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password } },
  emailVerification: { autoSignInAfterVerification: true },
  user: { deleteUser: { enabled: true } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  plugins: [latchkey()],
})

process.on('message', async ({ requests, dieAt }) => {
  statements = 0
  deadly = dieAt
  const answers = []
  for (const { path, headers, body } of requests) {
    const init = body === undefined ? { headers } : { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
    answers.push((await auth.handler(new Request(`${origin}/api/auth${path}`, init))).status)
  }
  deadly = Number.POSITIVE_INFINITY
  process.send({ answers, statements })
})

await auth.handler(new Request(`${origin}/api/auth/ok`))
process.send({ ready: true })
