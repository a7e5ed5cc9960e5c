// A Better Auth with the plugin on a database, as options that the battery needs.
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'

export const ORIGIN = 'https://notes.example'
export const AUDIENCE = `${ORIGIN}/api/auth`

/**
 * @typedef {{ path: string, body?: object, headers?: Record<string, string> }} Call
 * @typedef {{ status: number, body: any, cookies: Record<string, string> }} Answer
 * @typedef {{ latchkey: Function, latchkeyJwt: Function }} Plugins
 */

/**
 * The options of the battery's app.
 *
 * @param {unknown} database
 * @param {Plugins} plugins
 * @returns {any}
 */
export function optionsOf(database, { latchkey, latchkeyJwt }) {
  return {
    baseURL: ORIGIN,
    secret: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
    database,
    emailAndPassword: {
      enabled: true,
      // Hashing is not what is tested.
      password: {
        hash: async (/** @type {string} */ password) => password,
        verify: async (/** @type {any} */ { hash, password }) => hash === password,
      },
    },
    user: { deleteUser: { enabled: true } },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    onAPIError: { onError() {} },
    plugins: [latchkey(), latchkeyJwt()],
  }
}

/**
 * Makes the tables, with the engine's own tool if it has one.
 *
 * @param {import('./engines.mjs').Engine} engine
 * @param {string} place
 * @param {Plugins} plugins
 */
export async function migrate(engine, place, plugins) {
  const { database, close } = await (engine.connectTables ?? engine.connect)(place, optionsOf(undefined, plugins))
  await (await getMigrations(betterAuth(optionsOf(database, plugins)).options)).runMigrations()
  await close()
}

/**
 * One instance of the app.
 *
 * @param {import('./engines.mjs').Engine} engine
 * @param {string} place
 * @param {Plugins} plugins
 */
export async function openServer(engine, place, plugins) {
  const { database, close } = await engine.connect(place, optionsOf(undefined, plugins))
  return { ...serverOn(database, plugins), close }
}

/**
 * @param {unknown} database
 * @param {Plugins} plugins
 */
export function serverOn(database, plugins) {
  const auth = betterAuth(optionsOf(database, plugins))
  return {
    auth,
    /** @param {Call} call @returns {Promise<Answer>} */
    async call({ path, body, headers }) {
      const request = new Request(`${AUDIENCE}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { origin: ORIGIN, ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      })
      const response = await auth.handler(request)
      const pairs = response.headers.getSetCookie().map((cookie) => /^([^=]+)=([^;]*)/.exec(cookie)?.slice(1) ?? [])
      return {
        status: response.status,
        body: await response.json().catch(() => null),
        cookies: Object.fromEntries(pairs),
      }
    },
    /** @param {string} model @param {Record<string, string>} where @returns {Promise<any[]>} */
    async rows(model, where = {}) {
      const { adapter } = await auth.$context
      return adapter.findMany({
        model,
        limit: 1000,
        where: Object.entries(where).map(([field, value]) => ({ field, value })),
      })
    },
  }
}
