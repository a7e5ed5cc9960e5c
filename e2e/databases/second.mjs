// A second process with its own instance of the app: answers calls that its parent sends.
import * as plugins from 'latchkey/better-auth'
import { engineNamed } from './engines.mjs'
import { openServer } from './server.mjs'

const [name = '', place = ''] = process.argv.slice(2)
const server = await openServer(await engineNamed(name), place, plugins)
process.on('message', async (/** @type {any} */ { id, call }) => {
  process.send?.({ id, answer: await server.call(call) })
})
process.send?.('ready')
