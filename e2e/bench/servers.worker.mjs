// One server process of `servers.mjs`.
import { Pool } from 'pg'
import { accountServer, send } from './accounts.mjs'

const AT_ONCE = 8

const [, , place, withPlugin] = process.argv
const auth = accountServer(new Pool({ connectionString: place, max: AT_ONCE }), { withPlugin: withPlugin === 'true' })

process.on('message', async (/** @type {Parameters<typeof send>[1][]} */ waiting) => {
  const lane = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await send(auth, next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  process.send?.('done')
})

await auth.$context
process.send?.('ready')
