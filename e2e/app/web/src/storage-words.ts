import type { AuthState, Session, Storage } from 'latchkey'

/** Where the identity is stored, and how long. */
export function durabilityWords({ authMode, storage }: AuthState): string {
  if (authMode === 'anonymous') return 'Nothing to keep yet'
  if (storage.durability === 'recoverable')
    return authMode === 'external'
      ? 'Your account brings it back on any device'
      : 'Your backup brings it back on any device'
  // The library requires a verified address.
  if (authMode === 'external') return 'In your account, as long as you know its password'
  return DURABILITY_WORDS[storage.durability]
}

const DURABILITY_WORDS: Readonly<Record<Exclude<Storage['durability'], 'recoverable'>, string>> = {
  ephemeral: 'Only until this tab closes',
  evictable: 'In this browser, which may delete it if space runs low or after a long absence',
  persistent: 'In this browser, which promised to keep it until you clear it yourself',
}

/** Whether the key can be copied. */
export function protectionWords({ authMode, storage }: AuthState): string {
  if (storage.protection === 'none')
    return authMode === 'external' ? 'This device has no key for this account, because you signed in here' : 'None yet'
  return PROTECTION_WORDS[storage.protection]
}

const PROTECTION_WORDS: Readonly<Record<Exclude<Storage['protection'], 'none'>, string>> = {
  extractable: 'Can still be copied for a backup, so guard this device',
  keychain: 'Protected from other apps by this device; it can still be copied for a backup',
  hardened: 'Locked into this browser: it works here and cannot be copied',
}

/**
 * The problem while the browser stores no identity, or the app cannot store the notes.
 *
 * @param session - set if an identity is still current: the page was open when it happened
 */
export function storageWords(problem: string, session: Session | null): string {
  if (problem === 'KEYSTORE_VANISHED' && session) return VANISHED_HERE
  const words = PROBLEM_WORDS[problem] ?? PROBLEM_WORDS.KEYSTORE_UNAVAILABLE
  return `${words} What you write stays only while this tab is open, so copy it before you leave.`
}

const PROBLEM_WORDS: Readonly<Partial<Record<string, string>>> & { readonly KEYSTORE_UNAVAILABLE: string } = {
  KEYSTORE_UNAVAILABLE: 'This browser cannot store anything for this page at the moment.',
  KEYSTORE_TIMEOUT:
    'The storage of this browser does not respond. ' +
    'It often helps to close other tabs of this app, or to restart the browser.',
  KEYSTORE_CORRUPT: 'The identity stored in this browser is damaged. It was not changed.',
  KEYSTORE_NEWER: 'A newer version of this app was used here. Reload to get it.',
  KEYSTORE_BLOCKED:
    'This browser is set not to store data for this site. ' +
    'Allow cookies and site data for it in the settings, then try again.',
  KEYSTORE_FULL: 'There is no space left on this device. Free some space, then try again.',
  KEYSTORE_PRIVATE:
    'This private window does not store anything. Open the app in an ordinary window to keep your notes.',
  KEYSTORE_OPAQUE:
    'This page is embedded in another one that does not allow it any storage. Open it in a separate tab.',
  KEYSTORE_VANISHED:
    'The data of this site was cleared, including your identity. ' +
    'Sign in or use a backup to get your notes back, or start over with an empty identity.',
  CRYPTO_UNAVAILABLE: 'This browser lacks the cryptography that an identity needs.',
}

const VANISHED_HERE =
  'The data of this site was cleared while the app was open here. ' +
  'Your identity is still in this tab: save it again before you close it.'

/** The action that may solve it. */
export function storageAction(problem: string | undefined, session: Session | null): string {
  if (problem !== 'KEYSTORE_VANISHED') return 'Try again'
  return session ? 'Save it again' : 'Start over'
}

/** The browser's response to the request to keep the identity. */
export function persistenceWords(granted: boolean): string {
  return granted
    ? 'This browser promised to keep it.'
    : 'The browser made no promise. It often does once the app is installed or used regularly.'
}
