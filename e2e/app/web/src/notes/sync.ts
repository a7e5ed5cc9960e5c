import { type Auth, isLatchkeyError } from 'latchkey'
import { createEmitter } from '../emitter.ts'
import { RefusedError, fetchNotes, sendNote } from './api.ts'
import type { Notebook } from './notebook.ts'
import { acknowledge, mergeFromServer, readHoldings } from './store.ts'

/** Status between this device and the server. */
export type SyncStatus =
  | 'synced'
  /** A change here is about to be sent. */
  | 'waiting'
  | 'syncing'
  /** The server cannot be reached. */
  | 'offline'
  /** The server refuses the session: nothing is sent until it accepts it. */
  | 'paused'
  /** The server responded, but did not accept everything. */
  | 'refused'

export interface Sync {
  status(): SyncStatus
  /** Returns true if the server responded for the current principal, or could not be reached. */
  hasAnswered(): boolean
  /** Sends local changes and fetches remote ones, now. */
  run(): Promise<void>
  /** Does the same after a pause in typing. */
  soon(): void
  subscribe(listener: () => void): () => void
}

/** A pause in typing, and the longest wait for one, in milliseconds. */
const PAUSE = 600
const LONGEST_WAIT = 5000
/** Delay between retries while the server does not respond, in milliseconds. */
const FIRST_RETRY = 4000
const LAST_RETRY = 60_000
/** A sync that takes less time is not shown, in milliseconds. */
const VISIBLE = 400

type Trouble = 'offline' | 'refused' | null

/** @param onPulled - called when other tabs must read again */
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
 * Push, then pull. A refused change does not block the others.
 *
 * @returns true if the pull left changes to push
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

/** Errors of `fetch` and the library without a network; an identity that changed meanwhile is not an error. */
function readTrouble(error: unknown): Trouble {
  if (error instanceof RefusedError) return error.status >= 500 ? 'offline' : 'refused'
  if (isLatchkeyError(error)) return error.code === 'OFFLINE' ? 'offline' : null
  return 'offline'
}
