// Triplit with its real server, in this process, and clients on IndexedDB.
import 'fake-indexeddb/auto'
import { TriplitClient } from '@triplit/client'
import { createServer, createTriplitStorageProvider } from '@triplit/server'
import { SignJWT, exportSPKI, generateKeyPair } from 'jose'
import { createPrincipalsTag } from 'latchkey/server/kit'
import { connectTriplit } from 'latchkey/triplit'
import { checkExternalJwtSecret } from 'latchkey/triplit/server'
import { roles, schema } from './fixtures/triplit.ts'
import { openWire } from './wire.ts'
import { type Engine, type Exchange, REFUSED, type Row } from './world.ts'

const SYNC = 'https://sync.notes.example'
const ADMIN_SECRET = 'of this run'
/** The owner of the note that the server's permissions refuse. */
const NOBODY = 'nobody'

// It listens on all interfaces, and has no option for that.
await import(new URL('listen-on-loopback.mjs', import.meta.url).href)
const account = await generateKeyPair('RS256')
const other = await generateKeyPair('RS256')
const [publicKey, otherKey] = await Promise.all([exportSPKI(account.publicKey), exportSPKI(other.publicKey)])
const tag = createPrincipalsTag('of the account server')

/** What the account server's exchange issues, with the claims of its hook. */
const exchange: Exchange = {
  audience: SYNC,
  async sign({ aliases = [], ...claims }) {
    const { sub } = claims as { readonly sub: string }
    const listed = aliases as readonly string[]
    return new SignJWT({
      ...claims,
      aliases: listed,
      principals_tag: await tag(sub, listed),
      jti: crypto.randomUUID(),
      'x-triplit-token-type': 'external',
      'x-triplit-project-id': 'notes',
      'x-triplit-user-id': sub,
    })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(account.privateKey)
  },
}

/** Of the current line. */
let refused = 0

export const engine: Engine = {
  async start(world) {
    refused = 0
    world.exchange = exchange
    // Server and clients go by the clock of the system.
    Date.now = world.clock
    const start = await createServer({
      storage: await createTriplitStorageProvider('memory'),
      dbOptions: { schema: { collections: schema, roles } },
      jwtSecret: ADMIN_SECRET,
      // Read for each token.
      get externalJwtSecret() {
        return checkExternalJwtSecret(world.isRefusing ? otherKey : publicKey)
      },
      logHandler: { log: () => {}, startSpan: () => null, endSpan: () => {}, recordMetric: () => {} },
    })
    let stop = (): void => {}
    const port = await new Promise<number>((resolve) => {
      const { close } = start(0, (...[address]: { readonly port: number }[]) => resolve(address!.port))
      stop = close
    })
    const wire = await openWire(port)
    return {
      url: wire.url,
      get online() {
        return wire.online
      },
      set online(online) {
        wire.online = online
      },
      get refused() {
        return refused
      },
      rows: () => fetchAll(`http://127.0.0.1:${port}`),
      // The rows of an alias stay the alias's.
      reown: async () => {},
      async close() {
        await wire.close()
        stop()
      },
    }
  },
  async open(auth, { url }, { id, ahead }) {
    const client = new TriplitClient({
      schema,
      roles,
      serverUrl: url,
      storage: { type: 'indexeddb', name: id },
      autoConnect: false,
      logLevel: 'error',
    })
    let refusedId: string | undefined
    const session = connectTriplit(auth, client, {
      audience: SYNC,
      beforeRestart: (_, connected) => connected.clear(),
      async onWritesRejected({ writes, drop }) {
        refused += writes.length
        for (const write of writes) if (write.id === refusedId) await drop(write)
      },
      clock: () => Date.now() + ahead,
    })
    await session.ready
    client.subscribeBackground({ collectionName: 'notes' })
    return {
      session,
      async write(text) {
        const owner = text === REFUSED ? NOBODY : auth.getState().session!.principal
        const { id } = await client.insert('notes', { text, owner })
        if (text === REFUSED) refusedId = id
      },
      async texts() {
        const { principals = [] } = auth.getState().session ?? {}
        const rows = await client.fetch(
          { collectionName: 'notes', where: [['owner', 'in', [...principals, NOBODY]]] },
          { policy: 'local-only' },
        )
        return rows.map(({ text }) => text)
      },
      close: () => session.end(),
    }
  },
}

/** As the admin, whose tokens Triplit signs with its own secret. */
async function fetchAll(url: string): Promise<Row[]> {
  const token = await new SignJWT({ 'x-triplit-token-type': 'secret' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(ADMIN_SECRET))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ query: { collectionName: 'notes' } })
  return (await fetch(`${url}/fetch`, { method: 'POST', headers, body })).json() as Promise<Row[]>
}
