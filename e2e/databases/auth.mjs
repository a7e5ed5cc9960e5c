// The app whose database `latchkey doctor --auth` checks: `LATCHKEY_ENGINE` names it.
import { betterAuth } from 'better-auth'
import * as plugins from 'latchkey/better-auth'
import { engineNamed } from './engines.mjs'
import { migrate, optionsOf } from './server.mjs'

const engine = await engineNamed(process.env['LATCHKEY_ENGINE'] ?? '')
const place = await engine.create()
await migrate(engine, place, plugins)
const { database } = await engine.connect(place, optionsOf(undefined, plugins))
export const auth = betterAuth(optionsOf(database, plugins))
