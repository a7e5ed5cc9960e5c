import { unlessAborted } from '../client/shared/abort.ts'
import { LatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { type IdentityIds, idsOf } from '../identity/profile.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Session } from '../machine/state.ts'
import { checkOptionNames } from '../option-names.ts'
import { keepBeside } from './kept-beside.ts'
import { isWord, parsePhrase, toPhrase } from './phrase.ts'
import { drawPlaces } from './places.ts'
import {
  PREVIEW_OPTIONS,
  type PreviewOptions,
  type RecoverableAuth,
  type RestoreOptions,
  type RestorePreview,
  previewOf,
  restore,
} from './restore.ts'
import { checkOf, parseCheckedText } from './secret-text.ts'

/** Backup and restore by words. Made by `createRecovery`. */
export interface Recovery {
  /**
   * Starts a backup of the current device identity: show the words, then ask for those at `places`.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: too late for a backup; `KEYSTORE_*`
   */
  beginBackup(options?: BeginBackupOptions): Promise<WordsBackup>
  /**
   * Completes a backup: the user retyped the words at `places`, so the identity is recoverable from now on.
   *
   * @param backup - from `beginBackup`
   * @param typed - one word for each of `backup.places`, in that order
   * @throws {LatchkeyError} `PHRASE_MISMATCH`: a word differs; `PRINCIPAL_MISMATCH`: another identity is current now;
   *   `KEYSTORE_*`
   */
  confirmBackup(backup: WordsBackup, typed: readonly string[]): Promise<void>
  /**
   * Reads the words and returns whose they are. Nothing is stored.
   *
   * @throws {LatchkeyError} `PHRASE_LENGTH`, `PHRASE_WORD_UNKNOWN`, `PHRASE_CHECKSUM`, `KEYSTORE_*`
   */
  readPhrase(text: string, options?: ReadOptions): Promise<RestorePreview>
  /**
   * Like `readPhrase`, for the text form of a secret (43 characters, or with a check).
   *
   * @throws {LatchkeyError} `SECRET_INVALID`, `SECRET_MISTYPED`, `KEYSTORE_*`
   */
  readSecret(text: string, options?: ReadOptions): Promise<RestorePreview>
  /**
   * Makes the identity of a preview current, after the app showed the preview and the user confirmed it. On any failure
   * everything stays as it was.
   *
   * @throws {LatchkeyError} `RESTORE_UNKNOWN`; `IDENTITY_CHANGED`: another identity is current, or no longer the one in
   *   the preview; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  importPhrase(preview: RestorePreview, options?: RestoreOptions): Promise<Session>
  /**
   * Adds the secret of a preview to the current account, which has its principal, so that `deriveKey` works.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: not a principal of the account; `KEYSTORE_*`
   */
  unlockData(preview: RestorePreview): Promise<void>
}

/** Options of `createRecovery`. */
export interface RecoveryOptions extends PreviewOptions {}

/** Options of `beginBackup`. */
export interface BeginBackupOptions {
  /** The app's name for the backup. Defaults to the empty string. */
  readonly label?: string
  /**
   * One of `session.principals`: data may depend on the key of an alias. Defaults to the one for which `storage.advice`
   * asks for a backup, otherwise to `session.principal`.
   */
  readonly principal?: string
}

/** Options of `readPhrase` and `readSecret`. */
export interface ReadOptions {
  /** Stops waiting for the servers that are asked whether they know the identity: rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** A backup that was started. Contains the secret as words: show it, and never store it. */
export interface WordsBackup {
  readonly words: readonly string[]
  /** Three positions in `words`, counted from 1, in ascending order. */
  readonly places: readonly number[]
  readonly principal: string
  /** Ids of the secret's further identities, if the option `profiles` names any. The preview has the same ones. */
  readonly ids?: IdentityIds
  /** Six characters that identify the secret. The preview of a restore has the same ones. */
  readonly check: string
}

/**
 * Creates the methods for backup and restore by words.
 *
 * @throws {TypeError} an option is unknown
 */
export function createRecovery(auth: RecoverableAuth, options: RecoveryOptions = {}): Recovery {
  checkOptionNames('', options, PREVIEW_OPTIONS)
  const secrets = keepBeside<string>('createRecovery')
  const preview = async (secret: string, { signal }: ReadOptions): Promise<RestorePreview> => {
    signal?.throwIfAborted()
    const shown = previewOf(auth, options, secret)
    return secrets.put(await (signal ? unlessAborted(signal, shown) : shown), secret)
  }
  return {
    async beginBackup({ label = '', ...given } = {}) {
      const secret = await auth.exportSecret({ label, ...given })
      const { principal } = await openDeviceKey(parseSecret(secret))
      const words = Object.freeze((await toPhrase(secret)).split(' '))
      const places = Object.freeze(drawPlaces(words.length))
      const ids = await idsOf(options, secret)
      return secrets.put({ words, places, principal, ...ids, check: await checkOf(secret) }, secret)
    },
    async confirmBackup(backup, typed) {
      const secret = secrets.of(backup)
      const { words, places } = backup
      const wrong = places.find((place, index) => !isWord(typed[index] ?? '', words[place - 1]!))
      if (wrong !== undefined) throw new LatchkeyError('PHRASE_MISMATCH', `word ${wrong}`)
      await auth.confirmBackup(secret)
    },
    readPhrase: async (text, how = {}) => preview(await parsePhrase(text), how),
    readSecret: async (text, how = {}) => preview(await parseCheckedText(text), how),
    unlockData: async (confirmed) => auth.unlockData(secrets.of(confirmed)),
    importPhrase: async (confirmed, how = {}) => restore(auth, confirmed, how, secrets.of(confirmed), { label: '' }),
  }
}
