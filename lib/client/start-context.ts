import type { AuthErrorKind } from '../machine/state.ts'
import type { GetTokenOptions } from './auth.ts'
import type { Context, StartContext } from './shared/context.ts'
import { startMachine } from './shared/machine.ts'
import { knownReason } from './tokens/bearer-error.ts'
import { dropHeld, tokenSource } from './tokens/token-source.ts'

/** Starts what the context of the first load lacks, once: the machine, and the tokens that it keeps. */
export function start(context: StartContext): void {
  tokenSource(startMachine(context))
}

/** See `Auth.getToken`. */
export function getToken(context: Context, options?: GetTokenOptions): Promise<string | null> {
  return tokenSource(context)(options)
}

/** See `Auth.reportToken`. Apps pass on what a server sent, such as the reason why a socket was closed. */
export function reportToken(context: Context, reason: AuthErrorKind | null): void {
  if (reason === null) return context.dispatch({ type: 'tokenAccepted' })
  context.dispatch({ type: 'tokenRejected', reason: knownReason(reason) })
}

/** Reports what the first load was told. A refusal is over once a server has accepted a token since. */
export function reportEarlier(context: Context): void {
  const reports = context.reports.splice(0)
  if (reports.some((reason) => reason !== null)) dropHeld(context)
  for (const reason of reports.slice(reports.lastIndexOf(null) + 1)) reportToken(context, reason)
}
