import { LatchkeyError } from 'latchkey'
import { auth } from './auth.ts'
import { type LocalNote, MAX_CHARACTERS, type Note, changeNotes, readNotes } from './local-notes.ts'

/** The notes of the current user, with what has become of them. */
export interface Notes {
  /** The newest first. */
  readonly notes: readonly Note[]
  /** How many changes the server does not have yet. */
  readonly pending: number
  /** Why the last exchange with the server failed. */
  readonly problem: 'unreachable' | 'refused' | null
}

const POLL_MS = 10_000

const nothing: Notes = { notes: [], pending: 0, problem: null }
let state = nothing
const listeners = new Set<() => void>()
let stop = () => {}

/** A store for any framework. The first subscriber starts the exchange with the server, the last one ends it. */
export const notes = {
  getState: () => state,
  getServerState: () => nothing,
  subscribe(listener: () => void): () => void {
    if (listeners.size === 0) stop = follow()
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) stop()
    }
  },

  /** Writes a note on this device. It works offline; the server gets it as soon as it can be reached. */
  async add(text: string): Promise<void> {
    if (text.length > MAX_CHARACTERS) throw new RangeError('the note is too long')
    await auth.ready
    const { session, storage } = auth.getState()
    // Whether a cleared device starts over is the user's decision.
    if (!session && storage.problem === 'KEYSTORE_VANISHED') throw new LatchkeyError(storage.problem)
    const { principal } = session ?? (await auth.ensureIdentity())
    await write({ id: crypto.randomUUID(), owner: principal, text, updatedAt: Date.now(), isDeleted: false })
  },

  async remove(note: Note): Promise<void> {
    await write({ ...note, updatedAt: Math.max(Date.now(), note.updatedAt + 1), isDeleted: true })
  },

  /** Sends what is waiting and fetches the rest. Calls at the same time share one exchange. */
  sync(): Promise<void> {
    return (syncing ??= exchange().finally(() => (syncing = undefined)))
  },
}

let syncing: Promise<void> | undefined
let tabs: BroadcastChannel | undefined

function publish(change: Partial<Notes>): void {
  state = { ...state, ...change }
  for (const listener of listeners) listener()
}

async function write(note: Note): Promise<void> {
  await changeNotes((all) => [...all.filter(({ id }) => id !== note.id), { ...note, isPending: true }])
  tabs?.postMessage('changed')
  await show()
  void notes.sync()
}

async function show(): Promise<void> {
  const all = await readNotes()
  const principals = auth.getState().session?.principals ?? []
  const mine = all.filter(({ owner }) => principals.includes(owner))
  publish({
    notes: mine.filter(({ isDeleted }) => !isDeleted).sort((a, b) => b.updatedAt - a.updatedAt),
    pending: mine.filter(({ isPending }) => isPending).length,
  })
}

interface Answer {
  readonly principals: readonly string[]
  readonly notes: readonly Note[]
}

async function exchange(): Promise<void> {
  try {
    do {
      const { session } = auth.getState()
      if (!session) return
      const all = await readNotes()
      const sent = partOf(all.filter(({ owner, isPending }) => isPending && session.principals.includes(owner)))
      const changes = sent.map(({ isPending: _, ...note }) => note)
      // `auth.fetch` adds the token: the device signs it itself, or the account server has. Only a `PUT` counts as data
      // of this device that a sign-in to another account must not hide.
      const response = await auth.fetch('/api/notes', changes.length > 0 ? put({ changes }) : {})
      if (!response.ok) return publish({ problem: 'refused' })
      await merge((await response.json()) as Answer, { sent, principal: session.principal })
    } while (state.pending > 0)
    publish({ problem: null })
  } catch {
    publish({ problem: 'unreachable' })
  }
}

/** What fits into one request: the server takes 1000 changes, and the Node adapter of SvelteKit 512 KB. */
function partOf(waiting: readonly LocalNote[]): LocalNote[] {
  let characters = 0
  return waiting.slice(0, 1000).filter(({ text }) => (characters += text.length) <= 100_000)
}

function put(body: object): RequestInit {
  return { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

interface Asked {
  readonly sent: readonly LocalNote[]
  readonly principal: string
}

/** The server's notes replace this device's, except for those that were written while it answered. */
async function merge({ principals, notes: theirs }: Answer, { sent, principal }: Asked): Promise<void> {
  const isSent = (note: LocalNote) => sent.some(({ id, updatedAt }) => id === note.id && updatedAt === note.updatedAt)
  await changeNotes((all) => {
    // A late answer does not bring back what a sign-out has deleted.
    if (auth.getState().session?.principal !== principal) return all
    const kept = all.filter((note) => !principals.includes(note.owner) || (note.isPending && !isSent(note)))
    const ids = new Set(kept.map(({ id }) => id))
    return [...kept, ...theirs.filter(({ id }) => !ids.has(id)).map((note) => ({ ...note, isPending: false }))]
  })
  tabs?.postMessage('changed')
  await show()
}

function follow(): () => void {
  const refresh = () => void show().then(notes.sync)
  const poll = setInterval(() => document.visibilityState === 'visible' && void notes.sync(), POLL_MS)
  const ends = [
    auth.subscribe(refresh),
    () => clearInterval(poll),
    listen(globalThis, 'online', refresh),
    listen(globalThis, 'offline', () => publish({ problem: 'unreachable' })),
    listen(document, 'visibilitychange', refresh),
  ]
  tabs = new BroadcastChannel('notes')
  tabs.onmessage = () => void show()
  void auth.ready.then(refresh)
  return () => {
    for (const end of ends) end()
    tabs?.close()
  }
}

function listen(target: EventTarget, type: string, listener: () => void): () => void {
  target.addEventListener(type, listener)
  return () => target.removeEventListener(type, listener)
}
