// How long three `latchkey serve` on one Postgres accept the token of a device after it was revoked at one of them, and
// whether every other device goes on. `node e2e/tools/campaigns/revoke-device.mjs [rounds]` needs the built package.
import { startCluster } from '../servers/cluster.mjs'
import { FAST, startPostgres } from '../servers/postgres.mjs'

const ORIGIN = 'https://notes.example'
const ROUNDS = Number(process.argv[2] ?? 10)
/** As documented, in milliseconds; and what one request may take. */
const LIMIT_MS = 5000 + 500
const PAUSE = 25

let people = 0
/** Clients do not share the rate limit of an address. */
const newAddress = () => `10.0.${people >> 8}.${people++ & 255}`

/**
 * @param {number} port
 * @param {string} path
 * @param {{ cookie?: string, body?: object, token?: string, address?: string }} [given]
 */
function send(port, path, { cookie, body, token, address = '10.1.1.1' } = {}) {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      origin: ORIGIN,
      'x-client-address': address,
      ...(body && { 'content-type': 'application/json' }),
      ...(cookie && { cookie }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
}

/**
 * @param {number} port
 * @param {'up' | 'in'} way
 * @param {object} person
 */
async function signIn(port, way, person) {
  const address = newAddress()
  const answer = await send(port, `/api/auth/sign-${way}/email`, { body: person, address })
  if (!answer.ok) throw new Error(`sign-${way}: ${answer.status} ${await answer.text()}`)
  const cookie = answer.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ')
  const { token } = await (await send(port, '/api/auth/token', { cookie, address })).json()
  return { cookie, token, address }
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** @param {readonly number[]} ports @param {number} round */
async function oneRound(ports, round) {
  const person = { email: `person-${round}@example.com`, password: 'correct horse battery', name: 'Person' }
  const lost = await signIn(ports[0], 'up', person)
  const own = await signIn(ports[0], 'in', person)
  const accepts = async (/** @type {number} */ port, /** @type {string} */ token) =>
    (await send(port, '/session', { token })).ok
  // Every server knows both, at moments of its own.
  for (const port of ports) {
    for (const { token } of [lost, own])
      if (!(await accepts(port, token))) throw new Error('a live session was refused')
    await pause(Math.random() * 1500)
  }
  const { devices } = await (await send(ports[0], '/api/auth/latchkey/devices', own)).json()
  const { id } = devices.find((/** @type {{ isCurrent: boolean }} */ { isCurrent }) => !isCurrent)
  const revoked = await send(ports[0], '/api/auth/latchkey/devices/revoke', { ...own, token: undefined, body: { id } })
  if (!revoked.ok) throw new Error(`revoke: ${revoked.status} ${await revoked.text()}`)
  const begun = performance.now()
  return Promise.all(
    ports.map(async (port) => {
      for (;;) {
        const asked = performance.now() - begun
        if (!(await accepts(port, own.token))) throw new Error('the device that revoked is refused')
        if (!(await accepts(port, lost.token))) return asked
        if (asked > LIMIT_MS) throw new Error(`accepted after ${Math.round(asked)} ms`)
        await pause(PAUSE)
      }
    }),
  )
}

const postgres = await startPostgres(FAST)
try {
  const cluster = await startCluster({ postgres: postgres.url, origin: ORIGIN })
  try {
    const ports = cluster.servers.map(({ port }) => port)
    /** @type {number[][]} */
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await oneRound(ports, round))
    for (const at of ports.keys()) {
      const times = rounds.map((round) => /** @type {number} */ (round[at])).toSorted((one, other) => one - other)
      const [median, most] = [times[times.length >> 1], times.at(-1)].map((time) => Math.round(time ?? 0))
      console.warn(`server ${at + 1}${at === 0 ? ', which revoked' : ''}: median ${median} ms, at most ${most} ms`)
    }
  } finally {
    await cluster.close()
  }
} finally {
  await postgres.stop()
}
