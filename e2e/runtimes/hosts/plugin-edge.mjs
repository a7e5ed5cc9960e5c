import * as plugins from 'latchkey/better-auth'
import { ACTS, perform } from '../../databases/acts.mjs'
import { serverOn } from '../../databases/server.mjs'
import { ROUNDS } from '../plugin.mjs'

// Without a database Better Auth has an adapter to memory. It keeps nothing unique inside a transaction, so races are
// no question here.
const { race: _race, 'race of links': _links, ...acts } = ACTS
const server = serverOn(undefined, plugins)

addEventListener('fetch', (/** @type {any} */ event) => {
  event.respondWith(
    perform(acts, { first: server, other: server, rounds: ROUNDS }).then((findings) => Response.json(findings)),
  )
})
