// `node e2e/bench/cluster.mjs`: what `latchkey serve` asks of its database for each kind of request, how many requests
// 1, 2 and 4 processes answer a second, and how much memory they have.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request as send } from 'node:http'
import { cpus, loadavg } from 'node:os'
import { testDevice } from 'latchkey/testing'
import { Client } from 'pg'
import { startCluster } from '../tools/servers/cluster.mjs'
import { startPostgres } from '../tools/servers/postgres.mjs'

const ORIGIN = 'https://notes.example'
const AUTH = `${ORIGIN}/api/auth`
const PROCESSES = [1, 2, 4]
const ROUNDS = 3
const AT_ONCE = 16
const GRANT = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience: ORIGIN }
const TYPE = 'urn:latchkey:params:oauth:token-type:'

/** @typedef {{ status: number, body: any, cookie: string }} Answer */
/** @typedef {{ path: string, body?: object, headers?: Record<string, string> }} Call */

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
let people = 0

/**
 * Each from an address of its own, or the rate limit would answer.
 *
 * @param {number} port
 * @param {Call} call
 * @returns {Promise<Answer>}
 */
function ask(port, { path, body, headers = {} }) {
  const address = `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people++ & 255}`
  const text = body && JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = send(
      {
        agent,
        host: '127.0.0.1',
        port,
        path,
        method: text ? 'POST' : 'GET',
        headers: {
          origin: ORIGIN,
          'x-client-address': address,
          ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...headers,
        },
      },
      async (response) => {
        let answer = ''
        for await (const chunk of response.setEncoding('utf8')) answer += chunk
        const cookie = (response.headers['set-cookie'] ?? []).map((pair) => pair.split(';')[0]).join('; ')
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode} ${answer}`))
        else resolve({ status: 200, body: JSON.parse(answer), cookie })
      },
    )
    sent.on('error', reject).end(text)
  })
}

const credentials = () => ({ email: `${randomUUID()}@example.com`, password: 'correct horse battery', name: 'Ada' })

/** @param {import('latchkey/testing').TestDevice} device */
const carrying = async (device) => ({ 'x-latchkey-proof': await device.proof({ audience: AUTH, purpose: 'upgrade' }) })

/** @param {number} port */
async function signedUp(port) {
  const [person, device] = [credentials(), await testDevice()]
  const { cookie } = await ask(port, { path: '/api/auth/sign-up/email', body: person, headers: await carrying(device) })
  await ask(port, { path: '/api/auth/latchkey/session', headers: { cookie } })
  return { person, device, cookie }
}

/**
 * Every kind of request, ready to be sent once.
 *
 * @type {Readonly<Record<string, (port: number) => Promise<() => Promise<unknown>>>>}
 */
const KINDS = {
  async 'upgrade: sign-up with a proof'(port) {
    const call = { path: '/api/auth/sign-up/email', body: credentials(), headers: await carrying(await testDevice()) }
    return () => ask(port, call)
  },
  async 'sign-in with a proof'(port) {
    const { person, device } = await signedUp(port)
    const headers = await carrying(device)
    return () => ask(port, { path: '/api/auth/sign-in/email', body: person, headers })
  },
  async 'first use of a new account'(port) {
    const { cookie } = await ask(port, {
      path: '/api/auth/sign-up/email',
      body: credentials(),
      headers: await carrying(await testDevice()),
    })
    return () => ask(port, { path: '/api/auth/latchkey/session', headers: { cookie } })
  },
  async 'adoption: nonce and link'(port) {
    const { cookie } = await signedUp(port)
    const other = await testDevice()
    const { body } = await ask(port, { path: '/api/auth/latchkey/session', headers: { cookie } })
    return async () => {
      const { nonce } = (
        await ask(port, { path: '/api/auth/latchkey/challenge', body: { purpose: 'link' }, headers: { cookie } })
      ).body
      const proof = await other.proof({ audience: AUTH, purpose: 'link', nonce, linkTo: body.session.principal })
      await ask(port, {
        path: '/api/auth/latchkey/link',
        body: { nonce },
        headers: { cookie, 'x-latchkey-proof': proof },
      })
    }
  },
  async 'token of an account'(port) {
    const { cookie } = await signedUp(port)
    return () => ask(port, { path: '/api/auth/token', headers: { cookie } })
  },
  async 'latchkey/session'(port) {
    const { cookie } = await signedUp(port)
    return () => ask(port, { path: '/api/auth/latchkey/session', headers: { cookie } })
  },
  async 'get-session (Better Auth alone)'(port) {
    const { cookie } = await signedUp(port)
    return () => ask(port, { path: '/api/auth/get-session', headers: { cookie } })
  },
  async 'exchange for a device'(port) {
    const proof = await (await testDevice()).proof({ audience: AUTH, purpose: 'exchange' })
    return () =>
      ask(port, {
        path: '/api/auth/latchkey/token',
        body: { ...GRANT, subject_token_type: `${TYPE}proof`, subject_token: proof },
      })
  },
  async 'exchange for a session'(port) {
    const { cookie } = await signedUp(port)
    return () =>
      ask(port, {
        path: '/api/auth/latchkey/token',
        body: { ...GRANT, subject_token_type: `${TYPE}session` },
        headers: { cookie },
      })
  },
  async 'who asks: local-first, first seen'(port) {
    const authorization = `Bearer ${await (await testDevice()).token({ audience: ORIGIN })}`
    return () => ask(port, { path: '/session', headers: { authorization } })
  },
  async 'who asks: local-first, again'(port) {
    const authorization = `Bearer ${await (await testDevice()).token({ audience: ORIGIN })}`
    await ask(port, { path: '/session', headers: { authorization } })
    return () => ask(port, { path: '/session', headers: { authorization } })
  },
  async 'who asks: token of an account'(port) {
    const { cookie } = await signedUp(port)
    const { body } = await ask(port, { path: '/api/auth/token', headers: { cookie } })
    return () => ask(port, { path: '/session', headers: { authorization: `Bearer ${body.token}` } })
  },
  async 'who asks: session cookie'(port) {
    const { cookie } = await signedUp(port)
    return () => ask(port, { path: '/session', headers: { cookie } })
  },
}

/** Kinds whose speed is measured, with how many of them. */
const SPEEDS = {
  'upgrade: sign-up with a proof': 24,
  'token of an account': 300,
  'exchange for a device': 300,
  'who asks: local-first, again': 2000,
  'who asks: token of an account': 2000,
  'who asks: session cookie': 300,
}

/**
 * @param {Client} client
 * @param {() => Promise<unknown>} work
 */
async function statementsOf(client, work) {
  await client.query('select pg_stat_statements_reset()')
  await work()
  const { rows } = await client.query(
    `select query, calls::int as calls from pg_stat_statements join pg_database on pg_database.oid = dbid where datname = current_database() and query not like '%pg_stat%'`,
  )
  const count = (/** @type {RegExp} */ pattern) =>
    rows.filter(({ query }) => pattern.test(query)).reduce((sum, { calls }) => sum + calls, 0)
  const limits = count(/"rateLimit"/i)
  return {
    reads: count(/^(?!.*"rateLimit")\s*select/is),
    writes: count(/^(?!.*"rateLimit")\s*(insert|update|delete)/is),
    transactions: count(/^begin|^start/i),
    limits,
  }
}

/** @param {string} postgres */
async function countStatements(postgres) {
  const cluster = await startCluster({ postgres, origin: ORIGIN, size: 1 })
  const client = new Client({ connectionString: cluster.database })
  await client.connect()
  await client.query('create extension if not exists pg_stat_statements')
  const [{ port } = { port: 0 }] = cluster.servers
  console.log('\nStatements for each request (besides them, those of the rate limit)')
  for (const [kind, prepare] of Object.entries(KINDS)) {
    // The first of its kind looks around.
    await (
      await prepare(port)
    )()
    const { reads, writes, transactions, limits } = await statementsOf(client, await prepare(port))
    console.log(
      `  ${kind.padEnd(36)} reads ${String(reads).padStart(2)}   writes ${String(writes).padStart(2)}   transactions ${transactions}   rate limit ${limits}`,
    )
  }
  await client.end()
  await cluster.close()
}

/** @param {import('../tools/servers/cluster.mjs').Cluster} cluster */
function memoryOf({ servers }) {
  const megabytes = servers.map(
    ({ child }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
  )
  return `${Math.round(Math.min(...megabytes))} to ${Math.round(Math.max(...megabytes))} MB`
}

/**
 * @param {(() => Promise<unknown>)[]} works
 * @returns {Promise<number>} a second
 */
async function speedOf(works) {
  const waiting = [...works]
  const lane = async () => {
    for (let work = waiting.pop(); work; work = waiting.pop()) await work()
  }
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return works.length / (Number(process.hrtime.bigint() - start) / 1e9)
}

/** @param {number[]} values */
const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0

/**
 * @param {string} postgres
 * @param {number} size
 */
async function measure(postgres, size) {
  const cluster = await startCluster({ postgres, origin: ORIGIN, size })
  console.log(`\n${size} ${size === 1 ? 'process' : 'processes'}: memory after the start ${memoryOf(cluster)}`)
  for (const [kind, count] of Object.entries(SPEEDS)) {
    const rates = []
    // Eight people ask again and again; what works once is made for each request.
    const isOnce = /upgrade|device/.test(kind)
    const make = () =>
      Promise.all(
        Array.from({ length: isOnce ? count : 8 }, (_, index) =>
          KINDS[kind]?.(cluster.servers[index % size]?.port ?? 0),
        ),
      )
    let made = await make()
    for (let round = 0; round <= ROUNDS; round++) {
      if (isOnce && round > 0) made = await make()
      const rate = await speedOf(
        Array.from({ length: count }, (_, index) => /** @type {() => Promise<unknown>} */ (made[index % made.length])),
      )
      if (round > 0) rates.push(rate)
    }
    console.log(`  ${kind.padEnd(36)} ${median(rates).toFixed(0).padStart(6)} /s`)
  }
  console.log(`  memory afterwards ${memoryOf(cluster)}`)
  await cluster.close()
}

const postgres = await startPostgres(['-c', 'shared_preload_libraries=pg_stat_statements', '-c', 'max_connections=200'])
try {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'} for everything: servers, Postgres (fsync on) and what asks; ${AT_ONCE} requests at once, median of ${ROUNDS}; load before ${loadavg()[0]?.toFixed(1)}`,
  )
  await countStatements(postgres.url)
  for (const size of PROCESSES) await measure(postgres.url, size)
} finally {
  agent.destroy()
  await postgres.stop()
}
