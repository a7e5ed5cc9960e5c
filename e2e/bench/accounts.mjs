// Better Auth as the benches of sign-ups use it, and the requests that they send.
import { randomUUID } from 'node:crypto'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { latchkey } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'

const ORIGIN = 'https://notes.example'

/** Password hashing would hide everything else. */
const NO_HASHING = {
  hash: async (/** @type {string} */ password) => password,
  verify: async (/** @type {{ hash: string, password: string }} */ { hash, password }) => hash === password,
}

/**
 * @param {import('better-auth').BetterAuthOptions['database']} database
 * @param {{ withPlugin: boolean, withHashing?: boolean }} choice
 */
export function accountServer(database, { withPlugin, withHashing = false }) {
  return betterAuth({
    baseURL: ORIGIN,
    secret: 'a secret of at least thirty-two characters',
    database,
    emailAndPassword: { enabled: true, ...(!withHashing && { password: NO_HASHING }) },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins: withPlugin ? [latchkey()] : [],
  })
}

/** @param {{ options: import('better-auth').BetterAuthOptions }} auth */
export async function migrate({ options }) {
  await (await getMigrations(options)).runMigrations()
}

/** From a clock that is ahead, as far as it may be: on a busy machine it is a while until the last one is sent. */
const ahead = () => ({ now: Date.now() / 1000 + 50 })

/**
 * Sign-ups of people who were never here, ready to be sent: what a browser signs is not the server's time.
 *
 * @param {number} count
 * @param {boolean} isProven each brings the proof of a device of its own
 * @returns {Promise<{ headers: Record<string, string>, body: string }[]>}
 */
export function signUps(count, isProven) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const body = JSON.stringify({
        email: `${randomUUID()}@example.com`,
        password: 'correct horse battery',
        name: 'Ada',
      })
      const proof = isProven
        ? {
            'x-latchkey-proof': await (
              await testDevice()
            ).proof({ audience: `${ORIGIN}/api/auth`, purpose: 'upgrade', ...ahead() }),
          }
        : {}
      return { headers: { 'content-type': 'application/json', ...proof }, body }
    }),
  )
}

/**
 * @param {{ handler(request: Request): Promise<Response> }} auth
 * @param {{ headers: Record<string, string>, body: string }} signUp
 */
export async function send(auth, signUp) {
  const { status } = await auth.handler(new Request(`${ORIGIN}/api/auth/sign-up/email`, { method: 'POST', ...signUp }))
  if (status !== 200) throw new Error(`a sign-up was answered with ${status}`)
}
