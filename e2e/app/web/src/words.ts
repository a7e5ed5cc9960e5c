import type { AuthState, LatchkeyError } from 'latchkey'
import type { SyncStatus } from './notes/sync.ts'
import { storageWords } from './storage-words.ts'

/** Returns for example "1 note" or "3 notes". */
export function quantity(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** Describes the mode to the user. */
export function modeWords({ authMode, session, error }: AuthState): string {
  if (authMode === 'anonymous') return 'Not signed in'
  if (authMode === 'local-first') return 'No account yet'
  const email = session?.claims['email']
  const name = typeof email === 'string' ? email : 'Your account'
  return error ? `Signed out: ${name}` : name
}

/** Describes where the notes are. Without an account, too, they are on the server: under this device's identity. */
export function syncWords(status: SyncStatus, { authMode }: AuthState, count: number): string {
  if (status !== 'synced') return SYNC_WORDS[status]
  if (count === 0) return 'Nothing written yet'
  return authMode === 'external' ? 'Saved to your account' : 'Saved to the server for this device'
}

const SYNC_WORDS: Readonly<Record<Exclude<SyncStatus, 'synced'>, string>> = {
  waiting: 'Saved on this device',
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

/** Describes why a sign-up or sign-in failed. In each case nothing has changed on this device. */
export function failureWords({ code, cause }: LatchkeyError, { authMode }: AuthState): string {
  if (code === 'OFFLINE') return 'The server cannot be reached. Nothing has changed here; try again in a moment.'
  if (code === 'CONFLICT' && authMode === 'external') return OTHER_ACCOUNT
  if (code === 'PRINCIPAL_TAKEN')
    return 'The notes on this device already belong to another account. Sign in to that account; nothing has changed.'
  if (code === 'IDENTITY_CHANGED' || code === 'UPGRADE_IN_PROGRESS')
    return 'Another tab is signing in or out. Try again in a moment.'
  if (code.startsWith('KEYSTORE_')) return storageWords(code, null)
  return REFUSALS[refusalOf({ cause })]?.words ?? 'That did not work, and nothing has changed here. Please try again.'
}

/** Describes why the sign-in after a new password failed. */
export function halfResetWords({ code }: LatchkeyError): string {
  const next =
    code === 'OFFLINE'
      ? 'The server cannot be reached now: try again in a moment.'
      : 'Check the e-mail address, and try again.'
  return `The new password is set, but you are not signed in yet. ${next}`
}

const OTHER_ACCOUNT = 'This is a different account. Nothing has changed; sign out first to switch accounts.'

/** Returns the field that a refusal is about: the user corrects it there. */
export function blamedField({ cause }: Pick<LatchkeyError, 'cause'>): 'email' | 'password' | undefined {
  return REFUSALS[refusalOf({ cause })]?.field
}

function refusalOf({ cause }: Pick<LatchkeyError, 'cause'>): string {
  return (cause as { code?: string } | undefined)?.code ?? ''
}

const EXISTS = {
  words: 'There is already an account with this e-mail address. Sign in instead.',
  field: 'email',
} as const
const NO_ADDRESS = { words: 'Enter a complete e-mail address, such as ada@example.com.', field: 'email' } as const

/** Codes of Better Auth. */
const REFUSALS: Readonly<Partial<Record<string, { words: string; field: 'email' | 'password' }>>> = {
  INVALID_EMAIL_OR_PASSWORD: { words: 'The e-mail address or the password is wrong.', field: 'password' },
  USER_ALREADY_EXISTS: EXISTS,
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: EXISTS,
  INVALID_EMAIL: NO_ADDRESS,
  VALIDATION_ERROR: NO_ADDRESS,
  INVALID_TOKEN: { words: 'This link was used already, or is too old. Ask for a new one.', field: 'password' },
  PASSWORD_TOO_SHORT: { words: 'The password must have at least 8 characters.', field: 'password' },
  PASSWORD_TOO_LONG: { words: 'The password is too long.', field: 'password' },
}
