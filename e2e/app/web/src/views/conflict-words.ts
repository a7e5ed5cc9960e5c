import type { LatchkeyError } from 'latchkey'

/** Texts about two identities, in reading order. */
export interface ConflictWords {
  readonly heading: string
  readonly words: string
}

/**
 * @param account - its e-mail address or other name
 * @param isTaken - true if the notes of this device belong to another account
 */
export function conflictWords(account: string, isTaken: boolean): ConflictWords {
  if (!isTaken) {
    return {
      heading: 'You have notes here and in your account',
      words: `You signed in as ${account}, and this device already has notes. Nothing has changed yet.`,
    }
  }
  return {
    heading: 'These notes belong to another account',
    words:
      `You signed in as ${account}, but the notes on this device already belong to another account. ` +
      'Nothing has changed yet. To open them in that account, cancel and sign in to it.',
  }
}

/** Returns why a decision failed. Nothing is lost in any of these cases. */
export function decisionFailure({ code, cause }: LatchkeyError): string {
  const refusal = (cause as { code?: string } | undefined)?.code ?? ''
  return (
    DECISION_FAILURES[code] ??
    DECISION_FAILURES[refusal] ??
    'That did not work, and nothing has changed. Please try again.'
  )
}

const DECISION_FAILURES: Readonly<Partial<Record<string, string>>> = {
  OFFLINE: 'The server cannot be reached. Nothing has changed; try again when you are online, or decide later.',
  SESSION_MISSING: 'The sign-in has ended. Nothing has changed; sign in again.',
  CONFLICT_MISSING: 'This was decided in another tab.',
  IDENTITY_CHANGED: 'Another tab is signing in or out. Try again in a moment.',
  PRINCIPAL_TAKEN:
    'The notes on this device belong to another account, so this one cannot take them. Nothing has changed.',
  ALIASES_FULL:
    'This account has adopted notes from the maximum number of devices. ' +
    'Nothing has changed; you can still use the account and set these notes aside.',
  ALIAS_UNKNOWN: 'This was already undone on another device or in another tab.',
  SESSION_NOT_FRESH: 'You signed in too long ago for this. Sign out, sign in again and then try once more.',
}
