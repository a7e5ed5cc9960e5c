// A server process of its own, on a shared database: a file, or a Postgres. It answers requests, alone or at the
// same moment as others, and dies right before the statement that it is told.
import Database from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { magicLink } from 'better-auth/plugins'
import { Client, Pool } from 'pg'
import { latchkey } from 'latchkey/better-auth'

const [, , place, origin] = process.argv
let statements = 0
let deadly = Number.POSITIVE_INFINITY

function beforeStatement() {
  statements++
  // Not `exit`: nothing may be closed or rolled back politely.
  if (statements === deadly) process.kill(process.pid, 'SIGKILL')
}

class CountingClient extends Client {
  /** @param {unknown[]} given */
  query(...given) {
    beforeStatement()
    return super.query(...given)
  }
}

const auth = betterAuth({
  baseURL: origin,
  secret: 'a secret of at least thirty-two characters',
  database: place.startsWith('postgres:') ? new Pool({ connectionString: place, max: 4, Client: CountingClient }) : new Database(place, { verbose: beforeStatement }),
  emailAndPassword: { enabled: true, password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password } },
  emailVerification: { autoSignInAfterVerification: true },
  user: { deleteUser: { enabled: true } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  plugins: [latchkey(), magicLink({ sendMagicLink: async () => {} })],
})

/** @param {{ path: string, headers?: Record<string, string>, body?: unknown }} call */
function requestOf({ path, headers, body }) {
  const init = body === undefined ? { headers } : { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
  return new Request(`${origin}/api/auth${path}`, init)
}

/** One after the other, until the statement at which the process dies; or right after the last. */
async function answerAll({ requests, dieAt, dieAfterwards }) {
  statements = 0
  deadly = dieAt
  const answers = []
  for (const request of requests) answers.push((await auth.handler(requestOf(request))).status)
  deadly = Number.POSITIVE_INFINITY
  if (dieAfterwards) process.kill(process.pid, 'SIGKILL')
  process.send({ answers, statements })
}

/** A request that waits for the others to be ready. */
let armed

async function go() {
  const begun = performance.timeOrigin + performance.now()
  const response = await auth.handler(armed)
  const ended = performance.timeOrigin + performance.now()
  const { code = 'done' } = await response.json()
  process.send({ code, begun, ended })
}

process.on('message', async (message) => {
  if (message.requests) await answerAll(message)
  else if (message.go) await go()
  else {
    armed = requestOf(message.arm)
    process.send({ armed: true })
  }
})

await auth.handler(new Request(`${origin}/api/auth/ok`))
process.send({ ready: true })
