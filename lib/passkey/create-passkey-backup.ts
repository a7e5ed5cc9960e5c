import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Backup, PasskeyBackup } from '../keystore/record.ts'
import type { Session } from '../machine/state.ts'
import { keepBeside } from '../recovery/kept-beside.ts'
import type { KnownOptions } from '../recovery/known.ts'
import {
  type RecoverableAuth,
  type RestoreOptions,
  type RestorePreview,
  previewOf,
  restore,
} from '../recovery/restore.ts'
import { type KnownPasskeys, type PasskeyReach, type Used, createCredential, evaluate } from './ceremonies.ts'
import { type EnvelopeContext, type Sealed, open, parseEnvelope, seal } from './envelope.ts'

/** Backup and restore by a passkey and a file. Made by `createPasskeyBackup`. Call each method from its own click. */
export interface PasskeyBackups {
  /**
   * Creates a passkey for a backup of the current device identity. Nothing is sealed yet: call `seal` next.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: too late for a backup; `PASSKEY_*`, `KEYSTORE_*`
   */
  add(options?: AddOptions): Promise<AddedPasskey>
  /**
   * Seals the secret for the passkey. Give the file to the user: without it the passkey opens nothing elsewhere.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: another identity is current by now; `IDENTITY_UNKNOWN`,
   *   `SECRET_HARDENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  seal(added: AddedPasskey): Promise<SealedBackup>
  /**
   * Opens a file that the user chose again: from now on the identity is recoverable, if the passkey works elsewhere.
   *
   * @param file - the content of the file
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`; `PRINCIPAL_MISMATCH`: of another identity;
   *   `PASSKEY_*`, `KEYSTORE_*`
   */
  verify(file: string): Promise<PasskeyReach>
  /**
   * Opens a file and says whose it is. Nothing is stored.
   *
   * @param file - the content of the file
   * @throws {LatchkeyError} `BACKUP_FILE_INVALID`, `BACKUP_NOT_OPENED`, `PASSKEY_*`, `KEYSTORE_*`
   */
  readFile(file: string, options?: ReadFileOptions): Promise<PasskeyPreview>
  /**
   * Makes the identity of a preview current, after the app showed the preview and the user confirmed it. On any failure
   * everything stays as it was.
   *
   * @throws {LatchkeyError} `RESTORE_UNKNOWN`; `IDENTITY_CHANGED`: another identity is current, or no longer the one in
   *   the preview; `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  importFile(preview: PasskeyPreview, options?: RestoreOptions): Promise<Session>
}

/** Options of `createPasskeyBackup`. */
export interface PasskeyOptions extends KnownOptions {
  /** Name of the app, as users know it. The dialogs of the browser show it. */
  readonly app: string
  /**
   * `name` of `createAuth`. Backups are sealed for it, so never change it. Defaults to `latchkey`.
   */
  readonly name?: string
  /**
   * Relying party of the passkeys. Backups are sealed for it. Defaults to `location.hostname`. A wider one lets every
   * page below it ask the user for the same passkey.
   */
  readonly rpId?: string
}

/** Options of `add`. */
export interface AddOptions {
  /** The app's name for the backup. Defaults to the empty string. */
  readonly label?: string
}

/** Options of `readFile`. */
export interface ReadFileOptions {
  /** The relying party for which the file was sealed, if the app had another one then. */
  readonly rpId?: string
}

/** A passkey that was created. It contains no secret. */
export interface AddedPasskey {
  /** In base64url. */
  readonly credentialId: string
  readonly principal: string
  readonly label: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A backup that was sealed. */
export interface SealedBackup {
  /** The content of the file that the user keeps. Only the passkey opens it. */
  readonly file: string
  readonly reach: PasskeyReach
}

/** The identity that a restore would bring back. Show it, and let the user confirm it. */
export interface PasskeyPreview extends RestorePreview {
  /** The app's name for the backup. */
  readonly label: string
  /** When it was sealed, in milliseconds since 1970. */
  readonly createdAt: number
  readonly reach: PasskeyReach
}

/** Creates the methods for backup and restore by a passkey. */
export function createPasskeyBackup(auth: RecoverableAuth, options: PasskeyOptions): PasskeyBackups {
  const { app, name = 'latchkey', clock = Date.now } = options
  if (!app) throw new TypeError('app: expected a non-empty string')
  const context: EnvelopeContext = { rpId: options.rpId ?? globalThis.location?.hostname ?? '', name }
  const opened = keepBeside<Opened>('createPasskeyBackup')
  return {
    async add({ label = '' } = {}) {
      const { principal } = await openDeviceKey(parseSecret(await auth.exportSecret()))
      const createdAt = clock()
      const user = `Recovery key · ${app} · ${new Date(createdAt).toISOString().slice(0, 10)}`
      const credentialId = await createCredential(context, { app, user }, await passkeysOf(auth, principal))
      return Object.freeze({ credentialId, principal, label, createdAt })
    },
    async seal({ credentialId, principal, label, createdAt }) {
      const sealed = { secret: await auth.exportSecret(), label, createdAt }
      await requirePrincipal(sealed, principal)
      const [used, envelope] = await evaluate(context, credentialId, (prf) => seal(sealed, prf, context))
      // If the store fails, which `storage.problem` reports, a backup is needed all the more.
      await note(auth, { sealed, used, envelope }, false).catch(throwUnlessKeystore)
      return { file: envelope, reach: used.reach }
    },
    async verify(file) {
      const own = (await backupsOf(auth)).find(({ envelope }) => envelope === file.trim())
      const found = await openFile(file, context, own?.credentialId)
      await note(auth, found, true)
      return found.used.reach
    },
    async readFile(file, { rpId = context.rpId } = {}) {
      const found = await openFile(file, { rpId, name })
      const { secret, label, createdAt } = found.sealed
      const preview = await previewOf(auth, options, secret)
      return opened.put({ ...preview, label, createdAt, reach: found.used.reach }, found)
    },
    async importFile(confirmed, how = {}) {
      const found = opened.of(confirmed)
      const passkey = recordOf(found, true)
      return restore(auth, confirmed, how, found.sealed.secret, passkey ? { passkey } : {})
    },
  }
}

/** A secret, with the passkey that sealed or opened it. */
interface Opened {
  readonly sealed: Sealed
  readonly used: Used
  readonly envelope: string
}

async function openFile(file: string, context: EnvelopeContext, credentialId?: string): Promise<Opened> {
  const envelope = file.trim()
  const parsed = parseEnvelope(envelope)
  const [used, sealed] = await evaluate(context, credentialId, (prf) => open(parsed, prf, context))
  return { sealed, used, envelope }
}

/** A passkey that never leaves this device is no way back without it, so the record does not list it. */
function recordOf({ sealed, used, envelope }: Opened, isOpened: boolean): PasskeyBackup | undefined {
  const { credentialId, isSyncable, reach } = used
  const isElsewhere = reach !== 'this-device'
  if (!isElsewhere && !isSyncable) return undefined
  const { label, createdAt } = sealed
  const isSynced = reach === 'synced'
  return { credentialId, isSynced, label, createdAt, envelope, isShown: isOpened && isElsewhere }
}

/**
 * Records the passkey.
 *
 * @param isOpened - true if it opened a copy that the user has
 */
async function note(auth: RecoverableAuth, found: Opened, isOpened: boolean): Promise<void> {
  const passkey = recordOf(found, isOpened)
  if (passkey) return auth.confirmBackup(found.sealed.secret, { passkey })
  await requirePrincipal(found.sealed, auth.getState().session?.principal)
}

async function requirePrincipal({ secret }: Sealed, expected: string | undefined): Promise<void> {
  const { principal } = await openDeviceKey(parseSecret(secret))
  if (principal !== expected) throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the backup is of another identity')
}

async function backupsOf(auth: RecoverableAuth): Promise<readonly Backup[]> {
  return (await auth.listIdentities({ withCurrent: true })).flatMap(({ backups }) => backups)
}

async function passkeysOf(auth: RecoverableAuth, owner: string): Promise<KnownPasskeys> {
  const backups = await backupsOf(auth)
  const idsOf = (some: readonly Backup[]): string[] => some.flatMap(({ credentialId }) => credentialId ?? [])
  return { excluded: idsOf(backups.filter(({ principal }) => principal === owner)), known: idsOf(backups) }
}

function throwUnlessKeystore(error: unknown): void {
  if (!isLatchkeyError(error) || !error.code.startsWith('KEYSTORE')) throw error
}
