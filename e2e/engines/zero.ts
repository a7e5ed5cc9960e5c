// Zero with a real zero-cache and Postgres, which `LATCHKEY_POSTGRES` names.
import 'fake-indexeddb/auto'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
// oxlint-disable-next-line no-restricted-imports -- a published name of another package
import { zeroNodePg } from '@rocicorp/zero/server/adapters/pg'
import { Pool } from 'pg'
import { createApi, openNotes, queries, mutators, schema } from './fixtures/zero.ts'
import { openWire } from './wire.ts'
import { type Engine, REFUSED, type World, serve } from './world.ts'

const POSTGRES = process.env['LATCHKEY_POSTGRES'] ?? ''
const ON_LOOPBACK = new URL('listen-on-loopback.mjs', import.meta.url).href

interface Cache {
  readonly port: number
  readonly pool: Pool
  /** The world of the current line. */
  world: World
  stop(): Promise<void>
}

let started: Promise<Cache> | undefined

/** One zero-cache for all lines: it takes ten to thirty seconds to start. */
async function startCache(first: World): Promise<Cache> {
  const pool = new Pool({ connectionString: `${POSTGRES}/postgres` })
  const rule = `check (text <> '${REFUSED}')`
  await pool.query(`create table note (id text primary key, owner text not null, text text not null ${rule})`)
  const cache = { world: first, pool }
  const api = await serve(async (request) => {
    // Made for each request: each line has its own resolver.
    const { query, mutate } = createApi(cache.world.resolver, zeroNodePg(schema, pool))
    return new URL(request.url).pathname === '/query' ? query(request) : mutate(request)
  })
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-zero-'))
  // zero-cache uses the two ports after its own too. Below those that a system gives to whatever asks for any port.
  const port = 11_000 + randomInt(5000)
  const main = createRequire(import.meta.url).resolve('@rocicorp/zero')
  const cli = join(dirname(main), '../../zero/src/cli.js')
  const child: ChildProcess = spawn(process.execPath, [cli], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      // It listens on all interfaces, and has no option for that.
      NODE_OPTIONS: `--import ${ON_LOOPBACK}`,
      ZERO_UPSTREAM_DB: `${POSTGRES}/postgres`,
      ZERO_REPLICA_FILE: join(folder, 'replica.db'),
      ZERO_PORT: String(port),
      ZERO_NUM_SYNC_WORKERS: '1',
      ZERO_LOG_LEVEL: 'error',
      ZERO_ENABLE_TELEMETRY: 'false',
      ZERO_ADMIN_PASSWORD: 'of this run',
      ZERO_QUERY_URL: `${api.url}/query`,
      ZERO_MUTATE_URL: `${api.url}/mutate`,
      ZERO_QUERY_ALLOWED_CLIENT_HEADERS: 'x-latchkey-principal',
      ZERO_MUTATE_ALLOWED_CLIENT_HEADERS: 'x-latchkey-principal',
    },
  })
  const ended = new Promise<never>((_, reject) => child.once('exit', () => reject(new Error('zero-cache ended'))))
  ended.catch(() => {})
  await Promise.race([answers(port), ended])
  return Object.assign(cache, {
    port,
    async stop() {
      const isEnded = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await isEnded
      await api.close()
      await pool.end()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => null)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

export const engine: Engine & { stop(): Promise<void> } = {
  async start(world) {
    const cache = await (started ??= startCache(world))
    cache.world = world
    await cache.pool.query('delete from note')
    const wire = await openWire(cache.port)
    return Object.defineProperties(
      {
        url: wire.url,
        online: true,
        rows: async () =>
          (await cache.pool.query<{ owner: string; text: string }>('select owner, text from note')).rows,
        reown: async (from: string, to: string) =>
          void (await cache.pool.query('update note set owner = $2 where owner = $1', [from, to])),
        close: wire.close,
      },
      {
        online: {
          get: () => wire.online,
          set(online: boolean) {
            wire.online = online
          },
        },
      },
    )
  },
  async open(auth, { url }, browser) {
    const session = openNotes(auth, url, browser.id)
    /** A view, so that zero-cache is asked, and the rows are kept. */
    let viewed: { readonly zero: unknown; readonly data: () => readonly { readonly text: string }[] } | null = null
    const view = (): void => {
      const zero = session.zero.get()
      if (viewed?.zero === zero) return
      const materialized = zero?.materialize(queries.notes())
      viewed = materialized ? { zero, data: () => materialized.data as never } : null
    }
    session.zero.subscribe(view)
    await session.ready
    view()
    return {
      session,
      async write(text) {
        const written = session.zero.get()!.mutate(mutators.addNote({ id: crypto.randomUUID(), text }))
        const result = await written.client
        if (result.type === 'error') throw new Error(result.error.message)
      },
      texts: () => (viewed?.data() ?? []).map(({ text }) => text),
      close: () => session.end(),
    }
  },
  async stop() {
    await (await started)?.stop()
  },
}
