// Zero without Latchkey: its lines are counted in docs/engines.md, beside ../fixtures/zero.ts.
import {
  Zero,
  type Transaction,
  type ZeroOptions,
  createBuilder,
  createSchema,
  defineMutator,
  defineMutators,
  defineQueries,
  defineQuery,
  mustGetMutator,
  mustGetQuery,
  string,
  table,
} from '@rocicorp/zero'
import { type ZQLDatabase, handleMutateRequest, handleQueryRequest } from '@rocicorp/zero/server'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Client, Pool, PoolClient } from 'pg'

const RETRY_MS = 5000

interface Context {
  /** The owner of what is read and written. */
  readonly principal: string
}

export const schema = createSchema({
  tables: [table('note').columns({ id: string(), owner: string(), text: string() }).primaryKey('id')],
})
const builder = createBuilder(schema)

declare module '@rocicorp/zero' {
  interface DefaultTypes {
    schema: typeof schema
    context: Context
  }
}

export const queries = defineQueries({
  notes: defineQuery(({ ctx }) => builder.note.where('owner', ctx.principal)),
})
interface AddNote {
  readonly tx: Transaction
  readonly args: { id: string; text: string }
  readonly ctx: Context
}
export const mutators = defineMutators({
  addNote: defineMutator(async ({ tx, args, ctx }: AddNote) => {
    await tx.mutate.note.insert({ ...args, owner: ctx.principal })
  }),
})

/** The client. Zero stores the data of each `userID` apart. */
export async function openNotes(
  user: string,
  getToken: () => Promise<string>,
  cacheURL: string,
  kvStore?: ZeroOptions['kvStore'],
) {
  const zero = new Zero({
    cacheURL,
    schema,
    mutators,
    userID: user,
    context: { principal: user },
    auth: await getToken().catch(() => undefined),
    kvStore,
    // Zero refuses writes once it has been offline for this long, a minute by default.
    disconnectTimeoutMs: 2 ** 31 - 1,
  })
  async function connect(): Promise<void> {
    try {
      await zero.connection.connect({ auth: await getToken() })
    } catch {
      setTimeout(connect, RETRY_MS)
    }
  }
  // Zero does not try again by itself.
  zero.connection.state.subscribe(({ name }) => {
    if (name === 'needs-auth' || name === 'error') setTimeout(connect, RETRY_MS)
  })
  return { zero, clear: () => zero.delete() }
}

/** The server: `ZERO_QUERY_URL` and `ZERO_MUTATE_URL` of zero-cache. */
export function createApi(dbProvider: ZQLDatabase<typeof schema, Pool | PoolClient | Client>) {
  const issuer = 'https://notes.example'
  const keys = createRemoteJWKSet(new URL(`${issuer}/api/auth/jwks`))
  async function authenticate(request: Request): Promise<string | null> {
    const token = request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
    const verified = await jwtVerify(token, keys, { issuer, audience: issuer }).catch(() => null)
    return verified?.payload.sub ?? null
  }
  return {
    async query(request: Request): Promise<Response> {
      const userID = await authenticate(request)
      if (userID === null) return new Response(null, { status: 401 })
      const ctx = { principal: userID }
      const handler = (name: string, args: unknown) => mustGetQuery(queries, name).fn({ args: args as never, ctx })
      return Response.json(await handleQueryRequest({ handler, schema, request, userID }))
    },
    async mutate(request: Request): Promise<Response> {
      const userID = await authenticate(request)
      if (userID === null) return new Response(null, { status: 401 })
      const ctx = { principal: userID }
      return Response.json(
        await handleMutateRequest({
          dbProvider,
          request,
          userID,
          handler: (transact) =>
            transact((tx, name, args) => mustGetMutator(mutators, name).fn({ tx, args: args as never, ctx })),
        }),
      )
    },
  }
}
