import type { AuthState, LatchkeyError } from 'latchkey'
import type { SyncStatus } from './notes/sync.ts'

/** Returns for example "1 note" or "3 notes". */
export function quantity(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** Describes the mode to the user. */
export function modeWords({ authMode, session }: AuthState): string {
  if (authMode === 'anonymous') return 'Not signed in'
  if (authMode === 'local-first') return 'On this device only'
  const email = session?.claims['email']
  return typeof email === 'string' ? `Signed in as ${email}` : 'Signed in'
}

export const SYNC_WORDS: Readonly<Record<SyncStatus, string>> = {
  synced: 'Synced',
  waiting: 'Saved here',
  syncing: 'Syncing…',
  offline: 'Offline',
  paused: 'Sync paused',
  refused: 'Not all synced',
}

/** Describes why the server refuses the session. */
export function sessionWords({ authMode, error }: AuthState): string {
  if (authMode === 'external') return 'Please sign in again – your notes are safe here.'
  if (error === 'expired')
    return 'The clock of this device seems to be wrong, so the server cannot be used. Your notes are safe here.'
  return 'The server does not accept this device at the moment. Your notes are safe here.'
}

/** Explains why a sign-out should wait, and what happens to the changes otherwise. */
export function vetoWords(unsynced: number): string {
  const [have, stay, are, them] =
    unsynced === 1 ? ['has', 'it stays', 'is', 'it'] : ['have', 'they stay', 'are', 'them']
  return (
    `${quantity(unsynced, 'change')} ${have} not reached the server. If you sign out now, ${stay} in this browser and ` +
    `${are} sent when you sign in here again. Until then your other devices do not have ${them}.`
  )
}

/** Describes why a sign-up or sign-in failed. In each case nothing has changed. */
export function failureWords({ code, cause }: LatchkeyError, { authMode }: AuthState): string {
  if (code === 'OFFLINE') return 'The server cannot be reached. Nothing has changed here; try again in a moment.'
  if (code === 'CONFLICT' && authMode === 'external') return OTHER_ACCOUNT
  if (code === 'PRINCIPAL_TAKEN')
    return 'The notes on this device already belong to another account. Sign in to that account; nothing has changed.'
  if (code === 'IDENTITY_CHANGED' || code === 'UPGRADE_IN_PROGRESS')
    return 'Another tab is signing in or out. Try again in a moment.'
  const refusal = (cause as { code?: string } | undefined)?.code ?? ''
  return REFUSALS[refusal] ?? 'That did not work, and nothing has changed here. Please try again.'
}

const OTHER_ACCOUNT = 'This is a different account. Nothing has changed; sign out first to switch accounts.'

const REFUSALS: Readonly<Record<string, string>> = {
  INVALID_EMAIL_OR_PASSWORD: 'The e-mail address or the password is wrong.',
  USER_ALREADY_EXISTS: 'There is already an account with this e-mail address. Sign in instead.',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'There is already an account with this e-mail address. Sign in instead.',
  INVALID_EMAIL: 'This is not an e-mail address.',
  PASSWORD_TOO_SHORT: 'The password must have at least 8 characters.',
  PASSWORD_TOO_LONG: 'The password is too long.',
}
