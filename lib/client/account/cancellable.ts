import { LatchkeyError } from '../../errors.ts'
import { currentEntry } from '../../keystore/keyring.ts'
import { writingUntil } from '../shared/abort.ts'
import type { Context } from '../shared/context.ts'

/** How long an upgrade may run, popups and forms of a provider included. */
const UPGRADE_TIMEOUT_MS = 10 * 60 * 1000

interface Running {
  cancel(cause?: unknown): void
  readonly ended: Promise<unknown>
}

const running = new WeakMap<Context, Running>()

/** Cancels the upgrade that runs in this tab, and waits until it has ended. Returns false if none runs. */
export async function cancelRunning(context: Context): Promise<boolean> {
  const found = running.get(context)
  found?.cancel()
  await found?.ended
  return found !== undefined
}

/**
 * Makes an upgrade cancellable: by `cancelUpgrade`, by the caller's signal, and after ten minutes.
 *
 * @param signal - of the caller
 * @param work - gets the signal that cancels it
 * @throws {LatchkeyError} `UPGRADE_CANCELLED`, thrown by `work`
 */
export async function cancellable<Value>(
  context: Context,
  signal: AbortSignal | undefined,
  work: (turn: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const turn = new AbortController()
  const cancel = (cause?: unknown): void => turn.abort(new LatchkeyError('UPGRADE_CANCELLED', undefined, cause))
  const follow = (): void => cancel(signal?.reason)
  if (signal?.aborted) follow()
  signal?.addEventListener('abort', follow)
  const timer = setTimeout(cancel, UPGRADE_TIMEOUT_MS, 'run did not end in time')
  const result = work(turn.signal)
  const ended = result.catch(() => {})
  running.set(context, { cancel, ended })
  try {
    return await result
  } finally {
    running.delete(context)
    clearTimeout(timer)
    signal?.removeEventListener('abort', follow)
  }
}

/**
 * Waits for work until it is cancelled. Afterwards the work continues without effect: its writes are dropped.
 *
 * @param work - gets a context whose writes fail after the cancellation
 */
export async function untilCancelled<Value>(
  context: Context,
  turn: AbortSignal,
  work: (context: Context) => Promise<Value>,
): Promise<Value> {
  turn.throwIfAborted()
  let writing: Promise<unknown> = Promise.resolve()
  const inTurn = writingUntil(context, turn)
  const write: Context['write'] = (updater, how) => {
    const written = inTurn.write(updater, how)
    writing = written.catch(() => {})
    return written
  }
  const { current, intent: begun } = context.keyring() ?? {}
  const result = work({ ...inTurn, write })
  // A write that has begun decides which of the two came first.
  const cancelled = new Promise<never>((_, reject) =>
    turn.addEventListener('abort', () => void writing.then(() => reject(turn.reason))),
  )
  return Promise.race([result, cancelled]).catch((error: unknown) => {
    const keyring = context.keyring()
    const isHeld = keyring?.intent?.conflict !== undefined && keyring.intent.id !== begun?.id
    const isDone = isHeld || (currentEntry(keyring)?.kind === 'account' && keyring?.current !== current)
    if (turn.aborted && isDone) return result
    throw error
  })
}
