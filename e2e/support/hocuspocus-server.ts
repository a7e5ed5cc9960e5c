import { Server } from '@hocuspocus/server'
import { hocuspocusAuth } from 'latchkey/hocuspocus/server'
import { createSessionResolver } from 'latchkey/server'

/** A Hocuspocus server on the loopback interface, for the accounts of an account server. */
export interface HocuspocusServer {
  readonly url: string
  /** Returns the text of an open document; null if it is not open. */
  text(name: string): string | null
  close(): Promise<void>
}

/** @param origin - of the account server */
export async function startHocuspocusServer(origin: string): Promise<HocuspocusServer> {
  const resolver = createSessionResolver({
    localFirst: { audience: origin, afterUpgrade: 'allow' },
    external: { issuer: origin, jwksUrl: `${origin}/api/auth/jwks`, audience: origin, aliases: true },
  })
  const server = new Server({
    address: '127.0.0.1',
    port: 0,
    quiet: true,
    stopOnSignals: false,
    extensions: [hocuspocusAuth(resolver)],
  })
  await server.listen()
  return {
    url: `ws://127.0.0.1:${server.address.port}`,
    text: (name) => server.hocuspocus.documents.get(name)?.getText('notes').toString() ?? null,
    close: () => server.destroy(),
  }
}
