import type { Awaitable } from '../../awaitable.ts'
import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { Session } from '../../machine/state.ts'
import type { SessionToken } from '../machine/session-token.ts'
import type { SessionRuntime } from './runtime.ts'

/** The user whose session starts next: the canonical principal, then the aliases. */
export type NextUser = Session['principals']

/**
 * Starts the session of another principal, once the app has handled data that the transport keeps. Ends the session if
 * it did not. Never rejects.
 *
 * @param token - the first token; null to fetch one
 * @param isCurrent - asked when the app is done: false if something else happened meanwhile, such as an end
 */
export async function handOver(
  runtime: SessionRuntime,
  next: NextUser,
  token: SessionToken | null,
  isCurrent: () => boolean,
): Promise<void> {
  try {
    await prepareRestart(runtime, next, isCurrent)
  } catch (error) {
    runtime.fault(error)
    if (isCurrent()) void runtime.self().end()
    return
  }
  if (isCurrent()) runtime.dispatch({ type: 'started', token, principal: next[0]!, connect: runtime.state().wanted })
}

/** True if the transport keeps data of another user than this one. */
export function keepsDataOfAnother({ owner, transport }: SessionRuntime, next: NextUser): boolean {
  return owner !== null && transport.keeps === 'data' && !next.includes(owner)
}

/**
 * Lets the app handle data of the previous principal that the transport keeps. Rejects if the next session must not
 * start.
 *
 * @param isCurrent - asked when the app is done: false if another user came or the session ended meanwhile, so that the
 *   data stays whose it was
 * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: there is no `beforeRestart`; what `beforeRestart` throws
 */
export async function prepareRestart(runtime: SessionRuntime, next: NextUser, isCurrent: () => boolean): Promise<void> {
  const { owner, transport } = runtime
  if (!keepsDataOfAnother(runtime, next)) return
  // The store knows better: another tab may have handled the data, and a user without a connection never had it.
  const findOwner = async (): Promise<string> => (await transport.owner?.()) ?? owner!
  await askApp(runtime, findOwner, next, isCurrent)
}

/**
 * Lets the app handle data of another user that the transport found, from before this session. Ends the session if it
 * did not.
 *
 * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: there is no `beforeRestart`, or it failed · `SESSION_ENDED`: another
 *   user came meanwhile
 */
export async function takeOver(runtime: SessionRuntime, from: string, to: string): Promise<void> {
  const { turn } = runtime
  // The same user may have left and come back: that is another turn.
  const isCurrent = (): boolean => runtime.turn === turn && runtime.state().principal === to
  runtime.owner = from
  try {
    // The transport may have found that another tab has handled the data, for an alias too.
    await askApp(runtime, () => from, runtime.auth.getState().session?.principals ?? [to], isCurrent)
  } catch (error) {
    // Trying again would not help.
    if (isCurrent()) void runtime.self().end()
    if (isLatchkeyError(error, 'PRINCIPAL_MISMATCH')) throw error
    throw new LatchkeyError('PRINCIPAL_MISMATCH', 'beforeRestart failed; the data belongs to another user', error)
  }
  if (!isCurrent()) throw new LatchkeyError('SESSION_ENDED', 'the user changed meanwhile')
}

/** Asks the app only once, although a start, and each connection with a fresh token, needs the answer. */
async function askApp(
  runtime: SessionRuntime,
  findOwner: () => Awaitable<string>,
  next: NextUser,
  isCurrent: () => boolean,
): Promise<void> {
  const to = next[0]!
  // An answer may have no effect. By then its decision is removed, and another one may be open.
  for (let open = runtime.decision; open?.to === to && open.isCurrent(); open = runtime.decision) {
    if (await open.hasEffect) {
      runtime.owner = to
      return
    }
    if (!isCurrent()) return
  }
  const decision = { to, isCurrent, hasEffect: decide(runtime, findOwner, next, isCurrent) }
  runtime.decision = decision
  try {
    await decision.hasEffect
  } finally {
    if (runtime.decision === decision) runtime.decision = null
  }
}

async function decide(
  runtime: SessionRuntime,
  findOwner: () => Awaitable<string>,
  next: NextUser,
  isCurrent: () => boolean,
): Promise<boolean> {
  const { options, transport, self } = runtime
  if (!options.beforeRestart)
    throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the data belongs to another user; pass beforeRestart')
  const to = next[0]!
  const requireAnother = (owner: string | null | undefined): void => {
    if (next.includes(owner!))
      throw new LatchkeyError('PRINCIPAL_MISMATCH', "the data is already this user's; reload the page")
  }
  const from = await findOwner()
  requireAnother(from)
  const session = self()
  let cleared: Promise<void> | null = null
  const clearOnce = async (): Promise<void> => {
    // Another tab may have handled the data since the app was asked. Without an owner, this one has.
    const owner = runtime.owner && (await transport.owner?.())
    if (!isCurrent()) throw new LatchkeyError('SESSION_ENDED', 'the user changed meanwhile')
    requireAnother(owner)
    await session.clear()
  }
  await options.beforeRestart({ from, to }, { ...session, clear: () => (cleared = clearOnce()) })
  // The app may not wait for it, or not notice that it failed: no session starts over data that is still there.
  if (isCurrent()) await cleared
  // A decision for a user who has left does not assign the data to the next one.
  if (!isCurrent()) return false
  runtime.owner = to
  await transport.assign?.(to)
  return true
}
