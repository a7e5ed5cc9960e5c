import { isNetworkError } from '../../network-error.ts'
import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { SessionToken } from '../machine/session-token.ts'
import { handOver, keepsDataOfAnother } from './hand-over.ts'
import type { RefreshAnswer } from './refresher.ts'
import type { SessionRuntime } from './runtime.ts'

/** Creates the function that handles the outcome of each refresh. */
export function createAnswerHandler(runtime: SessionRuntime): (answer: RefreshAnswer) => void {
  const { auth, state, dispatch, fault } = runtime
  let handovers = 0

  /** The provider signed another user in: that user's session starts. */
  function changeUser(token: SessionToken): void {
    const { decision } = runtime
    // The decision that is open starts this user.
    if (decision?.to === token.principal && decision.isCurrent()) return
    const mine = ++handovers
    if (state().principal !== null) dispatch({ type: 'finished' })
    const isCurrent = (): boolean =>
      mine === handovers &&
      state().stage === 'started' &&
      state().principal === null &&
      auth.getState().session === null
    void handOver(runtime, [token.principal], token, isCurrent)
  }

  return (answer) => {
    const result = resultOf(runtime, answer)
    if ('error' in result) {
      fault(result.error)
      dispatch({ type: 'fetchFailed', isRejection: isRejection(result.error) })
    } else if (result.token === null) dispatch({ type: 'nothingFetched' })
    else if (isOfAnotherUser(runtime, result.token)) changeUser(result.token)
    else dispatch({ type: 'fetched', token: result.token })
  }
}

function resultOf(
  { auth, options, read }: SessionRuntime,
  answer: RefreshAnswer,
): { readonly token: SessionToken | null } | { readonly error: unknown } {
  if ('error' in answer) return answer
  try {
    if (answer.token === null || answer.token === undefined) return { token: null }
    const token = read(answer.token as string, answer.isFresh || options.refresh?.handler !== undefined)
    const { session } = auth.getState()
    if (session && session.principal !== token.principal)
      throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the refreshed token belongs to another principal than auth')
    return { token }
  } catch (error) {
    return { error }
  }
}

/** True if this token continues neither the session nor the data that the transport keeps. */
function isOfAnotherUser(runtime: SessionRuntime, { principal }: SessionToken): boolean {
  const { session } = runtime.auth.getState()
  if (session) return false
  const current = runtime.state().principal
  // Within a session of the same user, each connection asks.
  return current === null ? keepsDataOfAnother(runtime, [principal]) : current !== principal
}

/** Codes that say that there is no token, in contrast to one that cannot be fetched at the moment. */
const REJECTIONS = /^(TOKEN_|SESSION_MISSING$|PRINCIPAL_MISMATCH$|PROVIDER_REFUSED$)/

/** The names of what `fetch` throws when it is aborted, as by `AbortSignal.timeout`. */
const ABORTS: readonly unknown[] = ['AbortError', 'TimeoutError']

/** Unreachable is not rejected: true only if the source itself says that it has no token. */
function isRejection(error: unknown): boolean {
  if (isLatchkeyError(error)) return REJECTIONS.test(error.code)
  return !isNetworkError(error) && !ABORTS.includes((error as Partial<Error> | null)?.name)
}
