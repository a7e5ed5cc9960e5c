// Notes over HTTP, for the engines whose server is the app's own.
import { owns } from 'latchkey/server'
import { createAuthenticator } from 'latchkey/server/kit'
import { type Backend, REFUSED, type World, serve } from './world.ts'

interface StoredNote {
  readonly id: string
  readonly text: string
  owner: string
  /** Grows with each change of any note. */
  sequence: number
  readonly _deleted?: boolean
}

/** A note as a client sends it. */
type SentNote = Omit<StoredNote, 'sequence'>

export async function startHttpBackend(world: World): Promise<Backend> {
  const authenticate = createAuthenticator(world.resolver)
  const notes = new Map<string, StoredNote>()
  let sequence = 0
  let count = 0
  const store = (note: SentNote): void => void notes.set(note.id, { ...note, sequence: ++sequence })

  const server = await serve(async (request) => {
    const found = await authenticate(request)
    if (!found.ok) return found.response
    const { session } = found
    const url = new URL(request.url)
    const visible = [...notes.values()].filter(({ owner }) => owns(session, owner))
    if (request.method === 'GET' && url.pathname === '/notes') return Response.json(visible)
    if (request.method === 'GET' && url.pathname === '/changes') {
      const since = Number(url.searchParams.get('since'))
      const changed = visible.filter((note) => note.sequence > since).sort((a, b) => a.sequence - b.sequence)
      const documents = changed.slice(0, Number(url.searchParams.get('limit')))
      return Response.json({
        documents: documents.map(({ id, owner, text }) => ({ id, owner, text, _deleted: false })),
        checkpoint: { since: documents.at(-1)?.sequence ?? since },
      })
    }
    const sent = (await request.json()) as SentNote[]
    // For all or for one: the caller decides which rows go into one request.
    const refused = sent.filter(({ owner, text }) => !owns(session, owner) || text === REFUSED)
    count += refused.length
    for (const note of sent) if (!refused.includes(note)) store(note)
    return Response.json({ refused: refused.map(({ id }) => id) }, { status: refused.length > 0 ? 403 : 200 })
  })
  return {
    url: server.url,
    get online() {
      return server.online
    },
    set online(online) {
      server.online = online
    },
    get refused() {
      return count
    },
    rows: async () => [...notes.values()].map(({ owner, text }) => ({ owner, text })),
    async reown(from, to) {
      for (const note of notes.values()) if (note.owner === from) store({ ...note, owner: to })
    },
    close: server.close,
  }
}
