import type { AuthErrorKind } from '../machine/state.ts'
import type { GetTokenOptions } from './auth.ts'
import type { Context, StartContext } from './shared/context.ts'
import { startMachine } from './shared/machine.ts'
import { tokenSource } from './tokens/token-source.ts'

/** Completes the context of the first load, once: the machine, and the tokens that it keeps. */
export function attach(context: StartContext): void {
  tokenSource(startMachine(context))
}

/** See `Auth.getToken`. */
export function getToken(context: Context, options?: GetTokenOptions): Promise<string | null> {
  return tokenSource(context)(options)
}

/** See `Auth.reportToken`. Apps pass on what a server sent, such as the reason why a socket was closed. */
export function reportToken(context: Context, reason: AuthErrorKind | null): void {
  if (reason === null) return context.dispatch({ type: 'tokenAccepted' })
  const isKnown = /^(expired|missing|disabled)$/.test(reason)
  context.dispatch({ type: 'tokenRejected', reason: isKnown ? reason : 'invalid' })
}
