import { type Auth, isLatchkeyError } from 'latchkey'
import { createEmitter } from '../emitter.ts'
import { RefusedError, fetchNotes, sendNotes } from './api.ts'
import type { Notebook } from './notebook.ts'
import { whileNobodySyncs } from './tabs.ts'
import { type Outgoing, acknowledge, mergeFromServer, takeOutgoing } from './store.ts'

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
/** How often a visible page asks for changes of other devices, in milliseconds. */
const LOOK_INTERVAL_MS = 3000
/** How often the number of unsent changes is shown anew during a long sync, in milliseconds. */
const PROGRESS_INTERVAL_MS = 500
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
  /** Whose changes were pulled, and up to which. */
  let pulled = { key: '', latest: 0 }

  function status(): SyncStatus {
    if (auth.getState().error || notebook.isLost()) return 'paused'
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
    // A sign-out deletes what was pulled.
    if (owner === null) pulled = { key: '', latest: 0 }
    if (owner === null || auth.getState().error || notebook.isLost()) return
    // A look for changes of others is not shown.
    const isLook = answeredFor === owner && notebook.pendingCount() === 0
    const shown = isLook ? undefined : setTimeout(() => show(true), VISIBLE)
    const key = [owner, ...(auth.getState().session?.principals ?? [])].join()
    const since = pulled.key === key ? pulled.latest : 0
    let hasChanged = true
    try {
      // One tab at a time; the others read what it fetched.
      const done = await whileNobodySyncs(() => exchange(auth, owner, since, progress(), notebook.isLost))
      hasChanged = done.hasChanged
      pulled = { key, latest: done.latest }
      if (done.isMore) again = true
      trouble = null
      retry = FIRST_RETRY
    } catch (error) {
      trouble = readTrouble(error)
      if (trouble) after(retry)
      retry = Math.min(retry * 2, LAST_RETRY)
    } finally {
      clearTimeout(shown)
    }
    const isFirst = answeredFor !== owner
    answeredFor = owner
    if (!hasChanged && !isFirst) return
    await notebook.reload()
    onPulled()
  }

  function progress(): () => Promise<void> {
    let latest = Date.now()
    return async () => {
      if (Date.now() - latest < PROGRESS_INTERVAL_MS) return
      latest = Date.now()
      await notebook.reload()
    }
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

  setInterval(() => {
    if (document.visibilityState === 'visible' && !running && !trouble && navigator.onLine) void run()
  }, LOOK_INTERVAL_MS)

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

/** A batch has at most so many notes, and characters; one note may have more alone. */
const BATCH_NOTES = 100
const BATCH_CHARACTERS = 100_000

function* batchesOf(changes: readonly Outgoing[]): Generator<readonly Outgoing[]> {
  let batch: Outgoing[] = []
  let size = 0
  for (const change of changes) {
    const { length } = change.note.title + change.note.body
    if (batch.length && (batch.length === BATCH_NOTES || size + length > BATCH_CHARACTERS)) {
      yield batch
      ;[batch, size] = [[], 0]
    }
    batch.push(change)
    size += length
  }
  if (batch.length) yield batch
}

/** What an exchange with the server did. */
interface Exchange {
  readonly hasChanged: boolean
  /** True if there are changes to push. */
  readonly isMore: boolean
  readonly latest: number
}

/**
 * Push, then pull. A refused change does not block the others. A response that comes after the user has left is dropped:
 * the sign-out has deleted this owner's notes from this device.
 *
 * @param since - 0 pulls everything
 * @param onBatch - called after each batch, to show the progress
 * @param isLost - true if the database was deleted: nothing is stored until it is clear what becomes of the rest
 */
async function exchange(
  auth: Auth,
  owner: string,
  since: number,
  onBatch: () => Promise<void>,
  isLost: () => boolean,
): Promise<Exchange> {
  const isLeft = (): boolean => !isInForce(auth, owner) || isLost()
  const outgoing = await takeOutgoing(owner)
  let isRefused = false
  let isMore = false
  for (const batch of batchesOf(outgoing)) {
    if (isLeft()) return DROPPED
    const { notes, refused } = await sendNotes(auth, batch)
    if (isLeft()) return DROPPED
    if (await acknowledge(owner, notes)) isMore = true
    isRefused ||= refused.length > 0
    await onBatch()
  }
  const { principal, principals, notes: rows, latest } = await fetchNotes(auth, since)
  if (isLeft()) return DROPPED
  const isMine = principal === owner
  const hasNews = isMine && (rows.length > 0 || since === 0)
  if (hasNews && (await mergeFromServer(owner, rows, principals, since === 0))) isMore = true
  if (isRefused) throw new RefusedError(400)
  return { hasChanged: outgoing.length > 0 || hasNews, isMore, latest: isMine ? latest : 0 }
}

const DROPPED: Exchange = { hasChanged: true, isMore: false, latest: 0 }

function isInForce(auth: Auth, owner: string): boolean {
  const { session, error } = auth.getState()
  return session?.principal === owner && !error
}

/** Errors of `fetch` and the library without a network; an identity that changed meanwhile is not an error. */
function readTrouble(error: unknown): Trouble {
  if (error instanceof RefusedError) return error.status >= 500 ? 'offline' : 'refused'
  if (isLatchkeyError(error)) return error.code === 'OFFLINE' ? 'offline' : null
  return 'offline'
}
