// A server process of its own, on a shared database: a file, or a Postgres. It answers requests, alone or at the
// same moment as others, and dies right before the statement that it is told, or waits there.
import { AsyncLocalStorage } from 'node:async_hooks'
import Database from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { magicLink } from 'better-auth/plugins'
import { Client, Pool } from 'pg'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'

const [, , place, origin] = process.argv
let statements = 0
let deadly = Number.POSITIVE_INFINITY

function beforeStatement() {
  statements++
  // Not `exit`: nothing may be closed or rolled back politely.
  if (statements === deadly) process.kill(process.pid, 'SIGKILL')
}

/** Of the request that a statement is for: at which of its statements it waits, and until when. */
const stalls = new AsyncLocalStorage()

class CountingClient extends Client {
  isInTransaction = false

  /** @param {unknown[]} given */
  query(...given) {
    beforeStatement()
    const stall = stalls.getStore()
    const isFree = !this.isInTransaction && given[0] !== 'begin'
    if (given[0] === 'begin') this.isInTransaction = true
    if (given[0] === 'commit' || given[0] === 'rollback') this.isInTransaction = false
    if (!stall || !isFree || ++stall.statements !== stall.at) return super.query(...given)
    stall.isStalled = true
    return stall.over.then(() => super.query(...given))
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
  plugins: [latchkey(), latchkeyJwt(), magicLink({ sendMagicLink: async () => {} })],
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

/** Requests that wait for those of the others to be ready. */
let armed = []
/** Ends the wait of a request that stalls. */
let resume = () => {}

async function go({ place, stallAt, request }, over) {
  const begun = performance.timeOrigin + performance.now()
  const stall = { statements: 0, at: stallAt, over, isStalled: false }
  const response = await stalls.run(stall, () => auth.handler(request))
  const ended = performance.timeOrigin + performance.now()
  const answer = JSON.parse((await response.text()) || '{}') ?? {}
  const { code = response.ok ? 'done' : `HTTP ${response.status}` } = answer
  process.send({ place, code, answer, begun, ended, isStalled: stall.isStalled })
}

async function goAll() {
  const over = new Promise((resolve) => (resume = resolve))
  await Promise.all(armed.map((each) => go(each, over)))
}

process.on('message', async (message) => {
  if (message.requests) await answerAll(message)
  else if (message.go) await goAll()
  else if (message.resume) resume()
  else {
    armed = message.arm.map(({ place, stallAt, ...call }) => ({ place, stallAt, request: requestOf(call) }))
    process.send({ armed: true })
  }
})

await auth.handler(new Request(`${origin}/api/auth/ok`))
process.send({ ready: true })
