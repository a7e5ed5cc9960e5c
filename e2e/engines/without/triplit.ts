// Triplit without Latchkey: its lines are counted in docs/engines.md.
import { Schema as S, TriplitClient } from '@triplit/client'
import { betterAuth } from 'better-auth'
import { jwt } from 'better-auth/plugins'

const SYNC = 'https://sync.notes.example'
const schema = S.Collections({ notes: { schema: S.Schema({ id: S.Id(), owner: S.String(), text: S.String() }) } })
const RETRY_MS = 5000

/** The client. Each user has a database, so that the next one sees nothing of the last one. */
export function openNotes(user: string, getToken: () => Promise<string>) {
  const storage = { type: 'indexeddb', name: `notes-${user}` } as const
  const client = new TriplitClient({ schema, serverUrl: SYNC, storage, autoConnect: false })
  async function connect(): Promise<void> {
    try {
      await client.startSession(await getToken(), true, { refreshHandler: getToken })
    } catch {
      setTimeout(connect, RETRY_MS)
    }
  }
  client.onSessionError(() => void setTimeout(connect, RETRY_MS))
  void connect()
  return {
    client,
    write: (text: string) => client.insert('notes', { text, owner: user }),
    async clear(): Promise<void> {
      await client.endSession()
      await client.clear()
    },
  }
}

/** The account server. */
export const server = betterAuth({
  baseURL: 'https://notes.example',
  plugins: [
    jwt({
      jwks: { keyPairConfig: { alg: 'RS256' } },
      jwt: {
        audience: SYNC,
        definePayload: ({ user }) => ({
          'x-triplit-token-type': 'external',
          'x-triplit-project-id': 'notes',
          'x-triplit-user-id': user.id,
        }),
      },
    }),
  ],
})
