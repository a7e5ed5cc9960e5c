import type { AuthState, Session, Storage } from 'latchkey'

/** Where the identity is kept, and for how long. */
export function durabilityWords({ authMode, storage }: AuthState): string {
  if (authMode === 'anonymous') return 'Nothing to keep yet'
  if (storage.durability === 'recoverable')
    return authMode === 'external'
      ? 'Your account brings it back on any device'
      : 'Your backup brings it back on any device'
  // The library counts on a verified address only.
  if (authMode === 'external') return 'In your account, while you know its password'
  return DURABILITY_WORDS[storage.durability]
}

const DURABILITY_WORDS: Readonly<Record<Exclude<Storage['durability'], 'recoverable'>, string>> = {
  ephemeral: 'Only until this tab closes',
  evictable: 'In this browser, which may clear it when space is short or you stay away for long',
  persistent: 'In this browser, which promised to keep it until you clear it yourself',
}

/** Who could take the key away. */
export function protectionWords({ authMode, storage }: AuthState): string {
  if (storage.protection === 'none')
    return authMode === 'external' ? 'None of this account on this device: you came here by signing in' : 'None yet'
  return PROTECTION_WORDS[storage.protection]
}

const PROTECTION_WORDS: Readonly<Record<Exclude<Storage['protection'], 'none'>, string>> = {
  extractable: 'Can still be copied for a backup, so guard this device',
  hardened: 'Locked into this browser: it works here and cannot be copied',
}

/**
 * What is wrong when the browser keeps no identity, or the app could not keep the notes.
 *
 * @param session - in force all the same: the page was open when it happened
 */
export function storageWords(problem: string, session: Session | null): string {
  if (problem === 'KEYSTORE_VANISHED' && session) return VANISHED_HERE
  return `${PROBLEM_WORDS[problem] ?? PROBLEM_WORDS.KEYSTORE_UNAVAILABLE} What you write stays only while this tab is open, so copy it before you leave.`
}

const PROBLEM_WORDS: Readonly<Partial<Record<string, string>>> & { readonly KEYSTORE_UNAVAILABLE: string } = {
  KEYSTORE_UNAVAILABLE: 'This browser does not let the page keep anything at the moment.',
  KEYSTORE_TIMEOUT:
    'The storage of this browser does not answer. It often helps to close other tabs of this app, or to restart the browser.',
  KEYSTORE_CORRUPT: 'The identity kept in this browser is damaged; it was left as it is.',
  KEYSTORE_NEWER: 'A newer version of this app was used here. Reload to get it.',
  KEYSTORE_BLOCKED:
    'This browser is set to keep nothing for this site. Allow cookies and site data for it in the settings, then try again.',
  KEYSTORE_FULL: 'There is no space left on this device. Free some, then try again.',
  KEYSTORE_PRIVATE: 'This private window keeps nothing. Open the app in an ordinary window to keep your notes.',
  KEYSTORE_OPAQUE: 'This page is shown inside another one, which allows it no storage. Open it in a tab of its own.',
  KEYSTORE_VANISHED:
    'The data of this site was cleared, and the identity that was here went with it. Sign in to get the notes of your account back, or start anew.',
  CRYPTO_UNAVAILABLE: 'This browser lacks the cryptography that an identity needs.',
}

const VANISHED_HERE =
  'The data of this site was cleared while the app was open here. Your identity is still in this tab: keep it again before you close it.'

/** What can be done about it. */
export function storageAction(problem: string | undefined, session: Session | null): string {
  if (problem !== 'KEYSTORE_VANISHED') return 'Try again'
  return session ? 'Keep it again' : 'Start anew'
}

/** What the browser said when it was asked to keep the identity. */
export function persistenceWords(granted: boolean): string {
  return granted
    ? 'This browser promised to keep it.'
    : 'The browser made no promise. It often does once the app is installed or used regularly.'
}
