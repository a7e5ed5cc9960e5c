// A server process of its own, on a shared database: a file, or a Postgres. It answers requests, alone or at the
// same moment as others, and dies right before the statement that it is told. Or it
// waits before each, where another process says whose turn it is.
import { AsyncLocalStorage } from 'node:async_hooks'
import Database from 'better-sqlite3'
import { betterAuth } from 'better-auth'
import { magicLink } from 'better-auth/plugins'
import { Client, Pool } from 'pg'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'

const [, , place, origin] = process.argv
/** Of each statement so far, whether it may have changed something. */
let writes = []
let deadly = Number.POSITIVE_INFINITY

/** @param {string} statement */
function beforeStatement(statement) {
  writes.push(!/^\s*(select|begin)\b/i.test(statement))
  // Not `exit`: nothing may be closed or rolled back politely.
  if (writes.length === deadly) process.kill(process.pid, 'SIGKILL')
}

/** For the request of a statement: releases its statements one at a time, where a test sets the order. */
const orders = new AsyncLocalStorage()

class CountingClient extends Client {
  isInTransaction = false

  /** @param {unknown[]} given */
  query(...given) {
    const [text] = given
    beforeStatement(typeof text === 'string' ? text : text.text)
    // A process that waited inside a transaction would lock the others out.
    const isFree = !this.isInTransaction
    if (text === 'begin') this.isInTransaction = true
    if (text === 'commit' || text === 'rollback') this.isInTransaction = false
    const order = isFree && orders.getStore()
    return order ? order.wait().then(() => super.query(...given)) : super.query(...given)
  }
}

function openSqlite() {
  const database = new Database(place, { verbose: beforeStatement })
  // A process that is killed loses nothing that it wrote, as without power it would.
  database.pragma('synchronous = off')
  return database
}

/** As those of the tests' own view. */
const backupsWithoutAccount = { perAddressAndDay: 10_000, total: 10_000, days: 30 }

const auth = betterAuth({
  baseURL: origin,
  secret: 'a secret of at least thirty-two characters',
  database: place.startsWith('postgres:')
    ? new Pool({ connectionString: place, max: 10, Client: CountingClient })
    : openSqlite(),
  emailAndPassword: {
    enabled: true,
    password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password },
  },
  emailVerification: { autoSignInAfterVerification: true },
  user: { deleteUser: { enabled: true } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  plugins: [
    latchkey({ pairing: {}, backupsWithoutAccount }),
    latchkeyJwt(),
    magicLink({ sendMagicLink: async () => {} }),
  ],
})

/** @param {{ path: string, headers?: Record<string, string>, body?: unknown }} call */
function requestOf({ path, headers, body }) {
  const init =
    body === undefined
      ? { headers }
      : { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
  return new Request(`${origin}/api/auth${path}`, init)
}

/**
 * The plugin asks a database once what it can do: not among the statements that a test counts or holds back, and not
 * while another process writes.
 */
const ask = () => auth.handler(requestOf({ path: '/latchkey/session' }))

/** One after the other, until the statement at which the process dies; or right after the last. */
async function answerAll({ requests, dieAt, dieAfterwards }) {
  await ask()
  writes = []
  deadly = dieAt
  const answers = []
  for (const request of requests) answers.push((await auth.handler(requestOf(request))).status)
  deadly = Number.POSITIVE_INFINITY
  if (dieAfterwards) process.kill(process.pid, 'SIGKILL')
  process.send({ answers, writes })
}

/** Requests that wait for those of the others to be ready. */
let armed = []
/** What statements wait for, by the place of their request. */
const waiting = new Map()

/** Says that a statement waits, and waits. */
function waitAt(place) {
  return new Promise((resolve) => {
    waiting.set(place, [...(waiting.get(place) ?? []), resolve])
    process.send({ place, isWaiting: true })
  })
}

async function go({ place, isOrdered, request }) {
  const begun = performance.timeOrigin + performance.now()
  const answering = () => auth.handler(request)
  const response = await (isOrdered ? orders.run({ wait: () => waitAt(place) }, answering) : answering())
  const ended = performance.timeOrigin + performance.now()
  const answer = JSON.parse((await response.text()) || '{}') ?? {}
  const { code = response.ok ? 'done' : `HTTP ${response.status}` } = answer
  process.send({ place, code, answer, begun, ended })
}

process.on('message', async (message) => {
  if (message.requests) await answerAll(message)
  else if (message.go) await Promise.all(armed.map(go))
  else if ('step' in message) waiting.get(message.step).shift()()
  else {
    await ask()
    armed = message.arm.map(({ place, isOrdered, ...call }) => ({ place, isOrdered, request: requestOf(call) }))
    process.send({ armed: true })
  }
})

void auth.handler(new Request(`${origin}/api/auth/ok`)).then(() => process.send({ ready: true }))
