import { isLatchkeyError } from '../../errors.ts'
import { currentDevice, deviceOf } from '../../keystore/entries.ts'
import { mark } from '../device/usage.ts'
import type { Context } from '../shared/context.ts'
import { deliverPending } from './outbox.ts'
import { concludeLeft } from './resolve-conflict.ts'
import { revalidate } from './revalidate.ts'
import { checkSession, isMigrating } from './session-check.ts'

/** Delays before another try, one after the other, milliseconds. Some failures end without an `online` event. */
const RETRY_DELAYS_MS = [5_000, 15_000, 60_000, 300_000]

/** What is to be asked of the account server without the user's or the app's doing. */
export interface ServerAttendant {
  /** Asks about the session there. */
  ask(): void
  /** Tries now what failed, instead of waiting for the next try. */
  hurry(): void
  /** Delivers what it has not received yet. */
  deliver(): void
}

/**
 * Asks the account server in the background. What fails, or gives way to an act, is tried again later.
 *
 * @param signal - ends it
 */
export function attendServer(context: Context, signal: AbortSignal): ServerAttendant {
  let failures = 0
  // Id of the first start's identity: undefined until it has one, null once that was left or the server has answered.
  let firstId = context.isFirst ? context.keyring()?.current : null
  let timer: ReturnType<typeof setTimeout> | undefined

  /** As {@link checkSession} needs it. */
  function isFirst(): boolean {
    const keyring = context.keyring()
    return (firstId !== null && keyring?.current === firstId) || currentDevice(keyring)?.isUnasked === true
  }

  /** @returns false if a part of it failed, and is tried again later */
  async function attempt(...work: Promise<void>[]): Promise<boolean> {
    const failed = (await Promise.allSettled(work)).filter((result) => result.status === 'rejected')
    if (failed.length === 0) return true
    // Unreachable is not rejected. What gave way to an act says nothing about the network.
    if (failed.some(({ reason }) => !isLatchkeyError(reason, 'UPGRADE_IN_PROGRESS')))
      context.dispatch({ type: 'networkLost' })
    if (!signal.aborted) timer ??= setTimeout(again, RETRY_DELAYS_MS[Math.min(failures++, RETRY_DELAYS_MS.length - 1)])
    // A process of Node may end meanwhile.
    ;(timer as { unref?: () => void } | undefined)?.unref?.()
    return false
  }
  function again(): void {
    timer = undefined
    context.dispatch({ type: 'networkFound' })
    ask()
  }
  // The first question counts as asked once it was answered.
  async function check(): Promise<void> {
    await concludeLeft(context)
    const principal = currentDevice(context.keyring())?.principal
    // The page may be left before the answer.
    if (isFirst() && isMigrating(context)) await mark(context, principal, { isUnasked: true }).catch(() => {})
    await checkSession(context, isFirst)
    firstId = null
    if (deviceOf(context.keyring(), principal)?.isUnasked) await mark(context, principal, { isUnasked: false })
  }
  function ask(): void {
    if (signal.aborted) return
    // A delivery of nothing succeeds without a server: only an answer ends the backoff.
    void attempt(revalidate(context), check()).then((isAnswered) => isAnswered && (failures = 0))
  }
  function hurry(): void {
    if (timer === undefined || signal.aborted) return
    clearTimeout(timer)
    again()
  }
  const stop = context.subscribe(() => {
    const current = context.keyring()?.current
    if (firstId !== current) firstId = firstId === undefined ? current : null
  })
  signal.addEventListener('abort', () => (stop(), clearTimeout(timer)))
  return { ask, hurry, deliver: () => void attempt(deliverPending(context)) }
}
