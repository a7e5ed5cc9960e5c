import type { Auth } from '../client/auth.ts'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Session } from '../machine/state.ts'
import { type KnownOptions, type KnownToServer, askServers } from './known.ts'
import { isWord, parsePhrase, toPhrase } from './phrase.ts'
import { drawPlaces } from './places.ts'
import { checkOf, parseCheckedText } from './secret-text.ts'

/** Backup and restore by words. Made by `createRecovery`. */
export interface Recovery {
  /**
   * Begins a backup of the current device identity: show the words, then ask for those at `places`.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: too late for a backup; `KEYSTORE_*`
   */
  beginBackup(options?: BeginBackupOptions): Promise<WordsBackup>
  /**
   * Ends a backup: the user typed the words at `places` again, so the identity is recoverable from now on.
   *
   * @param backup - from `beginBackup`
   * @param typed - one word for each of `backup.places`, in that order
   * @throws {LatchkeyError} `PHRASE_MISMATCH`: another word; `PRINCIPAL_MISMATCH`: another identity is current by now;
   *   `KEYSTORE_*`
   */
  confirmBackup(backup: WordsBackup, typed: readonly string[]): Promise<void>
  /**
   * Reads the words and says whose they are. Nothing is stored.
   *
   * @throws {LatchkeyError} `PHRASE_LENGTH`, `PHRASE_WORD_UNKNOWN`, `PHRASE_CHECKSUM`, `KEYSTORE_*`
   */
  readPhrase(text: string): Promise<RestorePreview>
  /**
   * The same for the text form of a secret (43 characters, or with a check).
   *
   * @throws {LatchkeyError} `SECRET_INVALID`, `SECRET_MISTYPED`, `KEYSTORE_*`
   */
  readSecret(text: string): Promise<RestorePreview>
  /**
   * Makes the identity of a preview current, after the app showed the preview and the user confirmed it. On any failure
   * everything stays as it was.
   *
   * @throws {LatchkeyError} `PHRASE_UNKNOWN`; `IDENTITY_CHANGED`: another identity is current, or no longer the one in
   *   the preview; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  importPhrase(preview: RestorePreview, options?: ImportPhraseOptions): Promise<Session>
}

/** Options of `createRecovery`. */
export interface RecoveryOptions extends KnownOptions {}

/** Options of `beginBackup`. */
export interface BeginBackupOptions {
  /** The app's name for the backup. Defaults to the empty string. */
  readonly label?: string
}

/** A backup that was begun. It contains the secret as words: show it, and store it nowhere. */
export interface WordsBackup {
  readonly words: readonly string[]
  /** Three places in `words`, counted from 1, in ascending order. */
  readonly places: readonly number[]
  readonly principal: string
  /** 6 characters that identify the secret. The preview of a restore shows the same ones. */
  readonly check: string
}

/** The identity that a restore would bring back. Show it, and let the user confirm it. */
export interface RestorePreview {
  readonly principal: string
  /** 6 characters that identify the secret, also on the printed sheet. */
  readonly check: string
  /** True if this device has the identity, current or not. */
  readonly knownHere: boolean
  /**
   * Whether the account server or the app's own server knows the identity. Any wallet's 24 words are valid words, and
   * now and then two swapped words are too. So if the identity is known neither here nor to a server, say so.
   */
  readonly knownToServer: KnownToServer
  /** The principal that is current now and would no longer be; null if there is none, or the same. */
  readonly replaces: string | null
}

/** Options of `importPhrase`. */
export interface ImportPhraseOptions {
  /** Sets the identity in `preview.replaces` aside. Otherwise the import is refused if there is one. */
  readonly replace?: boolean
  /**
   * The user was told that nobody is known to have this identity, or that no server could be asked. Otherwise the import
   * is refused in this case.
   */
  readonly evenIfUnknown?: boolean
}

/** The methods of {@link Auth} that are used. */
export type RecoverableAuth = Pick<
  Auth,
  'getState' | 'exportSecret' | 'confirmBackup' | 'importSecret' | 'listIdentities'
>

/** Creates the methods for backup and restore by words. */
export function createRecovery(auth: RecoverableAuth, options: RecoveryOptions = {}): Recovery {
  // The secrets stay out of the objects that apps show, log or keep in a state.
  const secrets = new WeakMap<object, string>()
  const secretOf = (from: object): string => {
    const secret = secrets.get(from)
    if (secret === undefined) throw new TypeError('expected an object of the same createRecovery()')
    return secret
  }
  const preview = async (secret: string): Promise<RestorePreview> => {
    const previewed = Object.freeze(await previewOf(auth, options, secret))
    secrets.set(previewed, secret)
    return previewed
  }
  return {
    async beginBackup({ label = '' } = {}) {
      const secret = await auth.exportSecret({ label })
      const { principal } = await openDeviceKey(parseSecret(secret))
      const words = Object.freeze((await toPhrase(secret)).split(' '))
      const places = Object.freeze(drawPlaces(words.length))
      const backup = Object.freeze({ words, places, principal, check: await checkOf(secret) })
      secrets.set(backup, secret)
      return backup
    },
    async confirmBackup(backup, typed) {
      const secret = secretOf(backup)
      const { words, places } = backup
      const wrong = places.find((place, index) => !isWord(typed[index] ?? '', words[place - 1]!))
      if (wrong !== undefined) throw new LatchkeyError('PHRASE_MISMATCH', `word ${wrong}`)
      await auth.confirmBackup(secret)
    },
    readPhrase: async (text) => preview(await parsePhrase(text)),
    readSecret: async (text) => preview(await parseCheckedText(text)),
    async importPhrase(confirmed, { replace = false, evenIfUnknown = false } = {}) {
      const secret = secretOf(confirmed)
      const { knownHere, knownToServer, replaces } = confirmed
      if (!knownHere && knownToServer !== true && !evenIfUnknown) throw new LatchkeyError('PHRASE_UNKNOWN')
      return auth.importSecret(secret, { label: '', replace: replace && (replaces ?? false) })
    },
  }
}

async function previewOf(auth: RecoverableAuth, options: KnownOptions, secret: string): Promise<RestorePreview> {
  const key = await openDeviceKey(parseSecret(secret))
  const { principal } = key
  const [check, isKept, knownToServer] = await Promise.all([
    checkOf(secret),
    isKeptHere(auth, principal),
    askServers(options, key),
  ])
  // Read last: an import sets aside only the identity that is in the preview.
  const { session } = auth.getState()
  return {
    principal,
    check,
    knownHere: isKept || session?.principals.includes(principal) === true,
    knownToServer,
    replaces: session && session.principal !== principal ? session.principal : null,
  }
}

async function isKeptHere(auth: RecoverableAuth, principal: string): Promise<boolean> {
  try {
    return (await auth.listIdentities()).some((kept) => kept.principal === principal)
  } catch (error) {
    // After the site data was cleared, a restore is what the user needs.
    if (isLatchkeyError(error, 'KEYSTORE_VANISHED')) return false
    throw error
  }
}
