// The plugin on one database of a runtime, by the acts of the battery for databases.
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import * as plugins from 'latchkey/better-auth'
import { ACTS, perform } from '../databases/acts.mjs'
import { optionsOf, serverOn } from '../databases/server.mjs'

/** Of each race. The battery for databases has more. */
export const ROUNDS = 2

/**
 * Makes the tables and runs the battery.
 *
 * @param {unknown} database an empty one, as Better Auth takes it
 * @returns {Promise<import('../databases/acts.mjs').Finding[]>}
 */
export async function pluginBattery(database) {
  await (await getMigrations(betterAuth(optionsOf(database, plugins)).options)).runMigrations()
  const server = serverOn(database, plugins)
  return perform(ACTS, { first: server, other: server, rounds: ROUNDS })
}
