import { type Auth, isLatchkeyError } from 'latchkey'
import { createEmitter } from '../emitter.ts'
import { RefusedError, fetchNotes, sendNote } from './api.ts'
import type { Notebook } from './notebook.ts'
import { acknowledge, mergeFromServer, readHoldings } from './store.ts'

/** How it stands between this device and the server. */
export type SyncStatus =
  | 'synced'
  /** Something changed here, and is about to be sent. */
  | 'waiting'
  | 'syncing'
  /** The server cannot be reached. */
  | 'offline'
  /** The server does not take this session: nothing is sent until it does. */
  | 'paused'
  /** The server answered, but did not take everything. */
  | 'refused'

export interface Sync {
  status(): SyncStatus
  /** The server answered for the principal in force, or could not be reached. */
  hasAnswered(): boolean
  /** Sends what changed here and fetches what changed elsewhere, now. */
  run(): Promise<void>
  /** The same after a pause in typing. */
  soon(): void
  subscribe(listener: () => void): () => void
}

/** A pause in typing, and the longest wait for one, in milliseconds. */
const PAUSE = 600
const LONGEST_WAIT = 5000
/** Between tries while the server does not answer, in milliseconds. */
const FIRST_RETRY = 4000
const LAST_RETRY = 60_000
/** A sync that is done sooner than this does not show, in milliseconds. */
const VISIBLE = 400

type Trouble = 'offline' | 'refused' | null

/** @param onPulled - other tabs have something to read again */
export function createSync(auth: Auth, notebook: Notebook, onPulled: () => void): Sync {
  const { emit, subscribe } = createEmitter()
  let running: Promise<void> | undefined
  let again = false
  let busy = false
  let trouble: Trouble = null
  let answeredFor: string | null = null
  let retry = FIRST_RETRY
  let timer: ReturnType<typeof setTimeout> | undefined
  let waitingSince = 0

  function status(): SyncStatus {
    if (auth.getState().error) return 'paused'
    if (!navigator.onLine) return 'offline'
    if (busy) return 'syncing'
    return trouble ?? (notebook.pendingCount() ? 'waiting' : 'synced')
  }

  function after(delay: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void run(), delay)
  }

  async function once(): Promise<void> {
    const owner = notebook.owner()
    if (owner === null || auth.getState().error) return
    const shown = setTimeout(() => show(true), VISIBLE)
    try {
      // One tab at a time; the others read what it fetched.
      if (await navigator.locks.request('latchkey-notes:sync', () => exchange(auth, owner))) again = true
      trouble = null
      retry = FIRST_RETRY
    } catch (error) {
      trouble = readTrouble(error)
      if (trouble) after(retry)
      retry = Math.min(retry * 2, LAST_RETRY)
    } finally {
      clearTimeout(shown)
    }
    await notebook.reload()
    answeredFor = owner
    onPulled()
  }

  function show(value: boolean): void {
    busy = value
    emit()
  }

  async function runAll(): Promise<void> {
    do {
      again = false
      await once()
    } while (again)
  }

  function run(): Promise<void> {
    clearTimeout(timer)
    waitingSince = 0
    again = running !== undefined
    running ??= runAll().finally(() => {
      running = undefined
      show(false)
    })
    return running
  }

  return {
    status,
    hasAnswered: () => answeredFor === notebook.owner(),
    run,
    soon() {
      waitingSince ||= Date.now()
      after(Math.min(PAUSE, Math.max(0, waitingSince + LONGEST_WAIT - Date.now())))
    },
    subscribe,
  }
}

/**
 * Push, then pull. A change that is refused does not hold up the others.
 *
 * @returns whether the pull left something to push
 */
async function exchange(auth: Auth, owner: string): Promise<boolean> {
  const { notes, pending } = await readHoldings(owner)
  let refused: RefusedError | undefined
  for (const note of notes.filter(({ id }) => pending.has(id))) {
    if (!isInForce(auth, owner)) return false
    const sent = sendNote(auth, note).then((kept) => acknowledge(note, kept))
    await sent.catch((error: unknown) => (refused = asRefusal(error)))
  }
  const { principal, principals, notes: rows } = await fetchNotes(auth)
  const isMore = principal === owner && (await mergeFromServer(owner, rows, principals))
  if (refused) throw refused
  return isMore
}

function isInForce(auth: Auth, owner: string): boolean {
  const { session, error } = auth.getState()
  return session?.principal === owner && !error
}

function asRefusal(error: unknown): RefusedError {
  if (error instanceof RefusedError) return error
  throw error
}

/** What `fetch` and the library throw where there is no network; an identity that changed meanwhile is no trouble. */
function readTrouble(error: unknown): Trouble {
  if (error instanceof RefusedError) return error.status >= 500 ? 'offline' : 'refused'
  if (isLatchkeyError(error)) return error.code === 'OFFLINE' ? 'offline' : null
  return 'offline'
}
