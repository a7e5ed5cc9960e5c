// Hocuspocus and Yjs without Latchkey: its lines are counted in docs/engines.md.
import { HocuspocusProvider } from '@hocuspocus/provider'
import { Server } from '@hocuspocus/server'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as Y from 'yjs'

// Of y-indexeddb: new IndexeddbPersistence(name, document)
interface Persistence {
  clearData(): Promise<void>
}
declare function persist(name: string, document: Y.Doc): Persistence

const RETRY_MS = 5000

/** The client. Each user has a document, so that the next one sees nothing of the last one. */
export function openNotes(user: string, getToken: () => Promise<string>) {
  const name = `notes:${user}`
  const document = new Y.Doc()
  const persistence = persist(name, document)
  async function authenticate(): Promise<void> {
    await provider.sendToken()
    provider.startSync()
  }
  const provider: HocuspocusProvider = new HocuspocusProvider({
    url: 'wss://sync.notes.example',
    name,
    document,
    token: getToken,
    // A refused token is not tried again.
    onAuthenticationFailed: () => void setTimeout(authenticate, RETRY_MS),
  })
  return {
    document,
    async clear(): Promise<void> {
      provider.destroy()
      await persistence.clearData()
    },
  }
}

/** The sync server. */
const issuer = 'https://notes.example'
const keys = createRemoteJWKSet(new URL(`${issuer}/api/auth/jwks`))
const server = new Server({
  port: 1234,
  async onAuthenticate({ token, documentName }) {
    const { payload } = await jwtVerify(token, keys, { issuer, audience: issuer })
    if (documentName !== `notes:${payload.sub}`) throw new Error('forbidden')
    return { user: payload.sub }
  },
  onChange: async ({ context }) => console.log(context.user),
})
await server.listen()
