import { LatchkeyError } from '../../errors.ts'
import { unlessAborted } from './abort.ts'
import type { AccountProvider } from './account-provider.ts'
import type { Context } from './context.ts'

/** How long one call of the account provider may take, with all its requests. */
export const ANSWER_TIMEOUT_MS = 10_000

/** The part of it that only begins once a page is awake. */
const AFTER_FREEZE_MS = 1000

/**
 * Returns the account provider with a time limit for each call; undefined if the app has none. Later responses are
 * dropped.
 *
 * @param turn - aborts the calls, for work that gives way to other work
 */
export function accountOf(
  { options: { account } }: Pick<Context, 'options'>,
  turn?: AbortSignal,
): AccountProvider | undefined {
  if (!account) return undefined
  const bound =
    <Given extends unknown[], Answer>(ask: (signal: AbortSignal, ...given: Given) => Promise<Answer>) =>
    (...given: Given): Promise<Answer> =>
      inTime(turn, (signal) => ask(signal, ...given))
  const { bind, link, unlink, exchange, isKnown, isEnded, getTime, devices } = account
  return {
    get audience() {
      return account.audience
    },
    getSession: bound((signal, options) => account.getSession({ ...options, signal })),
    getToken: bound((signal) => account.getToken({ signal })),
    ...(account.isTokenOf && { isTokenOf: (...given) => account.isTokenOf!(...given) }),
    withProof: (...given) => account.withProof(...given),
    ...(bind && {
      bind: bound((signal, prove, options) => bind.call(account, whileAsked(signal, prove), { ...options, signal })),
    }),
    ...(link && { link: bound((signal, prove) => link.call(account, whileAsked(signal, prove), { signal })) }),
    ...(unlink && { unlink: bound((signal, alias) => unlink.call(account, alias, { signal })) }),
    ...(exchange && {
      exchange: bound((signal, audience, prove) =>
        exchange.call(account, audience, prove && whileAsked(signal, prove), { signal }),
      ),
    }),
    ...(isKnown && { isKnown: bound((signal, prove) => isKnown.call(account, whileAsked(signal, prove), { signal })) }),
    readFailure: (outcome) => account.readFailure(outcome),
    ...(getTime && { getTime: bound((signal) => getTime.call(account, { signal })) }),
    ...(isEnded && { isEnded: bound((signal, sessionId) => isEnded.call(account, sessionId, { signal })) }),
    ...(devices && {
      devices: {
        list: bound((signal, options) => devices.list({ ...options, signal })),
        rename: bound((signal, id, name, options) => devices.rename(id, name, { ...options, signal })),
        revoke: bound((signal, id, options) => devices.revoke(id, { ...options, signal })),
        revokeOthers: bound((signal, options) => devices.revokeOthers({ ...options, signal })),
      },
    }),
    signOut: bound((signal, options) => account.signOut({ ...options, signal })),
  }
}

/** Nothing is signed for a call that was given up: it would have an effect that no caller waits for. */
export function whileAsked<Nonce>(
  signal: AbortSignal,
  prove: (nonce: Nonce) => Promise<string>,
): (nonce: Nonce) => Promise<string> {
  return async (nonce) => {
    signal.throwIfAborted()
    return prove(nonce)
  }
}

/**
 * Asks a server, for at most {@link ANSWER_TIMEOUT_MS}.
 *
 * @throws {LatchkeyError} `OFFLINE`: no response in time; the reason of `turn` if that ends first
 */
export async function inTime<Answer>(
  turn: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  turn?.throwIfAborted()
  const call = new AbortController()
  const { signal } = call
  const yieldTurn = (): void => call.abort(turn!.reason)
  turn?.addEventListener('abort', yieldTurn)
  const giveUp = (): void => call.abort(new LatchkeyError('OFFLINE', 'the server did not answer in time'))
  // Two timers: in a page that was frozen, both the first one and the response are due when it wakes.
  let timer = setTimeout(() => (timer = setTimeout(giveUp, AFTER_FREEZE_MS)), ANSWER_TIMEOUT_MS - AFTER_FREEZE_MS)
  try {
    return await unlessAborted(signal, ask(signal))
  } finally {
    clearTimeout(timer)
    turn?.removeEventListener('abort', yieldTurn)
  }
}
