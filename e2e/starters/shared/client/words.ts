import type { AuthState, LatchkeyErrorCode, UpgradeResult } from 'latchkey'
import type { Notes } from './notes.ts'

/** Where the notes are, in true words. */
export function placeOf({ authMode }: AuthState, { pending, problem }: Notes): string {
  if (authMode === 'anonymous') return 'Signed out'
  if (problem === 'refused') return 'The server refuses this device. Your notes are safe here.'
  if (pending > 0) return problem ? 'Offline: saved on this device' : 'Saving…'
  if (problem) return 'Offline'
  return authMode === 'external' ? 'Saved in your account' : 'Saved for this device'
}

/** An account is current now: there is nothing left to ask. */
export function isDone({ outcome }: UpgradeResult): boolean {
  return outcome === 'upgraded' || outcome === 'switched' || outcome === 'adopted'
}

/** What has become of a sign-up or sign-in. A conflict and a confirmation are asked about, so there is nothing to say. */
export function outcomeOf(result: UpgradeResult): string {
  switch (result.outcome) {
    case 'upgraded':
      return 'Your account is ready. You are the same as before, and so are your notes.'
    case 'switched':
      return 'Welcome back. These are the notes of your account.'
    case 'adopted':
      return 'Your account has the notes of both now.'
    case 'pending':
      return result.account ? '' : 'Check your mailbox, and open the link on this device.'
    case 'conflict':
      return ''
    case 'taken':
      return 'The notes of this device belong to another account. Sign in to that one; nothing has changed.'
    case 'failed':
      return failureOf(result.error.code, result.error.cause)
  }
}

/** Why something failed. Nothing has changed in any of these cases. */
export function failureOf(code: LatchkeyErrorCode, cause?: unknown): string {
  if (code === 'OFFLINE') return 'You are offline. Nothing has changed; try again later.'
  if (code === 'PROVIDER_LIMITED') return 'Too many attempts. Please wait a minute.'
  if (code === 'UPGRADE_CANCELLED') return 'Cancelled. Nothing has changed.'
  if (code === 'PROVIDER_REFUSED') return refusals[refusalOf(cause)] ?? 'The server refused. Nothing has changed.'
  return `That did not work, and nothing has changed (${code}).`
}

/** The account server's own code. */
function refusalOf(cause: unknown): string {
  return (cause as { code?: string } | undefined)?.code ?? ''
}

const refusals: Readonly<Record<string, string>> = {
  INVALID_EMAIL: 'This is not an e-mail address.',
  INVALID_EMAIL_OR_PASSWORD: 'The e-mail address or the password is wrong.',
  PASSWORD_TOO_SHORT: 'The password needs at least 8 characters.',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'There is an account with this e-mail address. Sign in instead.',
}
