import { type CreateStoreOptionsPromise, createStorePromise } from '@livestore/livestore'
import { type CfTypes, makeWorker } from '@livestore/sync-cf/cf-worker'
import type { Auth } from 'latchkey'
import { createSessionResolver, owns } from 'latchkey/server'

const SYNC = 'https://sync.notes.example'
const PREFIX = 'notes-'

/** A store of one user, with one token for its whole life. Without a network it opens, and does not sync. */
export async function openStore(
  auth: Auth,
  principal: string,
  options: Pick<CreateStoreOptionsPromise, 'schema' | 'adapter'>,
) {
  const token = await auth.getToken({ audience: SYNC }).catch(() => null)
  // The user may have changed meanwhile.
  if (auth.getState().session?.principal !== principal) throw new Error('another user')
  return createStorePromise({ ...options, storeId: `${PREFIX}${principal}`, syncPayload: { token } })
}

/** The server, in a worker. */
const resolver = createSessionResolver({
  external: {
    issuer: 'https://notes.example',
    jwksUrl: 'https://notes.example/api/auth/jwks',
    audience: SYNC,
    aliases: true,
  },
})

export default makeWorker<{ SYNC_BACKEND: CfTypes.DurableObjectNamespace }>({
  syncBackendBinding: 'SYNC_BACKEND',
  async validatePayload(payload, { storeId }) {
    const { token } = payload as { readonly token?: unknown }
    const found = await resolver.resolve({ headers: { authorization: `Bearer ${String(token)}` } })
    if (!found.ok || !storeId.startsWith(PREFIX) || !owns(found.session, storeId.slice(PREFIX.length)))
      throw new Error('not your store')
  },
})
