import { checkGiven } from '../client/shared/check-given.ts'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Backup, PasskeyBackup } from '../keystore/record.ts'
import { type OptionNames, checkOptionNames } from '../option-names.ts'
import { keepBeside } from '../recovery/kept-beside.ts'
import { PREVIEW_OPTIONS, type RecoverableAuth, previewOf, restore } from '../recovery/restore.ts'
import { boundedStore } from './bounded-store.ts'
import { type KnownPasskeys, type Used, createCredential, evaluate } from './ceremonies.ts'
import { type EnvelopeContext, type Sealed, keysOf, open, parseEnvelope, seal } from './envelope.ts'
import type { PasskeyBackups, PasskeyOptions, PasskeyPreview } from './passkey-backups.ts'
import { type Kept, type Stored, keptAt, removeFrom, renewed, unknownAt } from './stored.ts'

const OPTIONS: OptionNames<PasskeyOptions> = { ...PREVIEW_OPTIONS, app: true, name: true, rpId: true, store: true }

/**
 * Creates the methods for backup and restore by a passkey.
 *
 * @throws {TypeError} an option is unknown, or `app` is empty
 */
export function createPasskeyBackup(auth: RecoverableAuth, options: PasskeyOptions): PasskeyBackups {
  checkOptionNames('', options, OPTIONS)
  const { app, name = 'latchkey', clock = Date.now } = options
  const store = options.store && boundedStore(options.store)
  if (!app) throw new TypeError('app: expected a non-empty string')
  const context: EnvelopeContext = { rpId: options.rpId ?? globalThis.location?.hostname ?? '', name }
  const opened = keepBeside<Opened>('createPasskeyBackup')
  const preview = async (found: Opened): Promise<PasskeyPreview> => {
    const { secret, label, createdAt } = found.sealed
    const shown = await previewOf(auth, options, secret)
    return opened.put({ ...shown, label, createdAt, reach: found.used.reach }, found)
  }
  const readStore = async (sealedFor: EnvelopeContext, signal?: AbortSignal): Promise<Opened & Stored> => {
    if (!store) throw new TypeError('store: expected a backup store')
    const [used, { kek, locator }] = await evaluate(sealedFor, undefined, keysOf, signal)
    const envelope = await store.read(locator)
    // Nothing is reported to the browser: a passkey that is unknown to this store may open a backup elsewhere.
    if (envelope === null) throw new LatchkeyError('BACKUP_UNKNOWN')
    return { sealed: await open(envelope, kek, sealedFor), used, envelope, locator }
  }
  /** What the store has counts for as long as the store keeps it. */
  const keepStored = async (signal?: AbortSignal): Promise<Opened> => {
    const found = await readStore(context, signal)
    return { ...found, stored: await renewed(store!, clock, found) }
  }
  /** A restore does not depend on it: what is not known is asked for again later. */
  const asOption = async (found: Opened): Promise<{ readonly passkey?: PasskeyBackup }> => {
    const stored = isStored(found)
      ? await renewed(store!, clock, found).catch(() => unknownAt(store!, found))
      : undefined
    const passkey = recordOf({ ...found, ...(stored && { stored }) }, true)
    return passkey ? { passkey } : {}
  }
  return {
    async add(given = {}) {
      checkGiven(given, { label: 'string', principal: 'string', credentialId: 'string', signal: 'object' })
      const { label = '', credentialId, signal, principal: asked } = given
      const secret = await auth.exportSecret(asked === undefined ? {} : { principal: asked })
      const { principal } = await openDeviceKey(parseSecret(secret))
      const createdAt = clock()
      const user = `Recovery key · ${app} · ${new Date(createdAt).toISOString().slice(0, 10)}`
      const known = await passkeysOf(auth, principal)
      const added = credentialId ?? (await createCredential(context, { app, user }, known, signal))
      return Object.freeze({ credentialId: added, principal, label, createdAt })
    },
    async seal({ credentialId, principal, label, createdAt }, { signal } = {}) {
      requireCurrent(auth, principal)
      const sealed = { secret: await auth.exportSecret({ principal }), label, createdAt }
      const [used, { kek, locator }] = await evaluate(context, credentialId, keysOf, signal)
      const envelope = await seal(sealed, kek, context)
      // Before the user trusts it.
      await open(envelope, kek, context)
      // If the store fails, which `storage.problem` reports, a backup is needed all the more.
      await note(auth, { sealed, used, envelope }, false).catch(throwUnlessKeystore)
      const isOwn = async (other: string): Promise<boolean> =>
        (await open(other, kek, context)).secret === sealed.secret
      const kept = store && (await keptAt(store, clock, { sealed, envelope, locator }, isOwn))
      if (typeof kept === 'object')
        await note(auth, { sealed, used, envelope, stored: kept }, false).catch(throwUnlessKeystore)
      return { file: envelope, reach: used.reach, ...(typeof kept === 'string' && { problem: kept }) }
    },
    async verify(file, { signal } = {}) {
      const found = await (file === undefined ? keepStored(signal) : openFile(file, context, signal, auth))
      await note(auth, found, true)
      return found.used.reach
    },
    readFile: async (file, { rpId = context.rpId, signal } = {}) =>
      preview(await openFile(file, { rpId, name }, signal)),
    readStored: async ({ rpId = context.rpId, signal } = {}) => preview(await readStore({ rpId, name }, signal)),
    async importBackup(confirmed, how = {}) {
      const found = opened.of(confirmed)
      return restore(auth, confirmed, how, found.sealed.secret, await asOption(found))
    },
    async unlockData(confirmed) {
      const found = opened.of(confirmed)
      await auth.unlockData(found.sealed.secret, await asOption(found))
    },
    async removeStored({ signal } = {}) {
      const found = await readStore(context, signal)
      // First here: if the response of the store is lost, a backup that is gone would count.
      await auth.confirmBackup(found.sealed.secret, { removed: found.used.credentialId })
      await removeFrom(store!, clock, found)
    },
  }
}

/** A secret, with the passkey that sealed or opened it. */
interface Opened {
  readonly sealed: Sealed
  readonly used: Used
  readonly envelope: string
  /** Present if the envelope is from a store. */
  readonly locator?: string
  readonly stored?: Kept
}

/** @param auth - if given, its passkey is asked for; otherwise the user chooses one */
async function openFile(
  file: string,
  context: EnvelopeContext,
  signal: AbortSignal | undefined,
  auth?: RecoverableAuth,
): Promise<Opened> {
  const envelope = file.trim()
  // Before the user is asked for a passkey.
  parseEnvelope(envelope)
  const own = auth && (await backupsOf(auth)).find((backup) => backup.envelope === envelope)
  const [used, { kek }] = await evaluate(context, own?.credentialId, keysOf, signal)
  return { sealed: await open(envelope, kek, context), used, envelope }
}

/** A passkey that never leaves this device is no way back without it, so the record does not list it. */
function recordOf({ sealed, used, envelope, stored }: Opened, isOpened: boolean): PasskeyBackup | undefined {
  const { credentialId, isSyncable, reach } = used
  const isElsewhere = reach !== 'this-device'
  if (!isElsewhere && !isSyncable) return undefined
  const { label, createdAt } = sealed
  const isSynced = reach === 'synced'
  const isShown = isOpened && isElsewhere
  return { credentialId, isSynced, label, createdAt, envelope, isShown, ...(stored && { stored }) }
}

function isStored(found: Opened): found is Opened & Stored {
  return found.locator !== undefined
}

/**
 * Records the passkey.
 *
 * @param isOpened - true if it opened a copy that the user has, or a store
 */
async function note(auth: RecoverableAuth, found: Opened, isOpened: boolean): Promise<void> {
  const passkey = recordOf(found, isOpened)
  if (passkey) return auth.confirmBackup(found.sealed.secret, { passkey })
  requireCurrent(auth, (await openDeviceKey(parseSecret(found.sealed.secret))).principal)
}

function requireCurrent(auth: RecoverableAuth, principal: string): void {
  if (!auth.getState().session?.principals.includes(principal))
    throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the backup is of another identity')
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
