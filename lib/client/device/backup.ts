import { LatchkeyError } from '../../errors.ts'
import { parseSecret } from '../../identity/secret.ts'
import { backupsOf, withBegunBackup, withPasskey, withShownBackup, withoutPasskey } from '../../keystore/backups.ts'
import {
  currentPrincipals,
  deviceOf,
  deviceToBackUp,
  ownDevice,
  putEntry,
  replaceEntry,
  withoutEntry,
} from '../../keystore/entries.ts'
import { currentEntry, EMPTY_KEYRING, entryId } from '../../keystore/keyring.ts'
import type { DeviceEntry, Entry, Keyring } from '../../keystore/record.ts'
import type { Session } from '../../machine/state.ts'
import type {
  ConfirmBackupOptions,
  ExportSecretOptions,
  ImportSecretOptions,
  KeptIdentity,
  ListIdentitiesOptions,
  UnlockDataOptions,
} from '../auth.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { deviceTime } from '../shared/device-time.ts'
import { holdsNothing, isMarked } from '../shared/local-data.ts'
import { deviceEntry, openEntry } from './identity.ts'
import { checkIdle } from './ensure-identity.ts'

/** Returns a device secret of the current identity as text. */
export async function exportSecret(context: Context, options: ExportSecretOptions = {}): Promise<string> {
  checkGiven(options, { label: 'string', principal: 'string' })
  const { label, principal } = options
  await context.read()
  const keyring = context.keyring()
  const entry = principal === undefined ? deviceToBackUp(keyring, deviceTime(context)) : ownDevice(keyring, principal)
  if (!entry) throw new LatchkeyError('IDENTITY_UNKNOWN', 'no device identity is current')
  if (!entry.secret) throw new LatchkeyError('SECRET_HARDENED')
  // A damaged secret would be a backup of nothing, or of another identity.
  await openEntry(entry, context.options)
  // If the store fails, which `storage.problem` reports, a backup is needed all the more.
  if (label !== undefined) await noteBegun(context, entry.principal, label).catch(() => {})
  return entry.secret
}

async function noteBegun(context: Context, principal: string, label: string): Promise<void> {
  await context.write((keyring) => {
    const entry = deviceOf(keyring, principal)
    return keyring && entry ? replaceEntry(keyring, entry, withBegunBackup(entry, label, deviceTime(context))) : keyring
  })
  context.dispatch({ type: 'backupsChanged', storage: context.view().storage })
}

/** Records that the user has a backup of the secret, after the user entered it again or used a passkey. */
export async function confirmBackup(
  context: Context,
  secret: string,
  options: ConfirmBackupOptions = {},
): Promise<void> {
  checkGiven(options, { passkey: 'object', removed: 'string' })
  const { passkey, removed } = options
  const { principal } = await importedDevice(context, secret)
  await context.write((keyring) => {
    if (removed !== undefined) return withoutBackup(keyring, principal, removed)
    const entry = ownDevice(keyring, principal)
    if (!keyring || !entry) throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the secret is of another identity')
    const now = deviceTime(context)
    return replaceEntry(
      keyring,
      entry,
      passkey ? withPasskey(entry, passkey, now, 'this-device') : withShownBackup(entry, now),
    )
  })
  context.dispatch({ type: 'backupsChanged', storage: context.view().storage })
}

function withoutBackup(keyring: Keyring | null, principal: string, credentialId: string): Keyring | null {
  const entry = deviceOf(keyring, principal)
  return keyring && entry ? replaceEntry(keyring, entry, withoutPasskey(entry, credentialId)) : keyring
}

/** Makes the identity of a secret current. */
export async function importSecret(
  context: Context,
  secret: string,
  options: ImportSecretOptions = {},
): Promise<Session> {
  checkGiven(options, { replace: 'boolean|string', forgetEmpty: 'boolean', label: 'string', passkey: 'object' })
  const { replace = false, forgetEmpty = false, label, passkey } = options
  checkIdle(context)
  const imported = await importedDevice(context, secret)
  const before = currentEntry(context.keyring())
  // Without a word from the app, an identity that is not marked may have data all the same.
  const isEmpty = forgetEmpty && context.options.describeLocal && (await holdsNothing(context, before))
  await context.write(
    (found) => {
      // An upgrade may have begun since.
      checkIdle(context)
      const current = currentEntry(found)
      const isOther = current && current.principal !== imported.principal
      if (isOther && current.kind === 'account')
        throw new LatchkeyError('IDENTITY_CHANGED', 'an account is current: sign out first')
      if (isOther && replace !== true && replace !== current.principal)
        throw new LatchkeyError('IDENTITY_CHANGED', 'another identity is current; pass { replace } to set it aside')
      const now = deviceTime(context)
      // Marked again inside the transaction: the app may have written data since it was described.
      const isForgotten = isOther && isEmpty && current.principal === before?.principal && !isMarked(current)
      const keyring =
        isForgotten && !hasBackup(current) ? withoutEntry(found!, current, true) : (found ?? EMPTY_KEYRING)
      const known = deviceOf(keyring, imported.principal)
      const kept = { ...imported, ...known, secret: imported.secret! }
      const isNoted = label !== undefined && kept.backedUpAt === null
      const noted = isNoted ? withBegunBackup(kept, label, now) : kept
      return {
        ...putEntry(keyring, passkey ? withPasskey(kept, passkey, now, known ? 'this-device' : 'another') : noted),
        current: current?.kind === 'account' ? keyring.current : entryId(imported),
      }
    },
    { restores: true },
  )
  context.dispatch({ type: 'identityEnsured', view: context.view(), waiting: context.waiting() })
  return context.getState().session!
}

function hasBackup(entry: Entry): boolean {
  return entry.kind === 'device' && backupsOf(entry).length > 0
}

/** Adds the secret of a principal of the current account, for its data. The current identity stays. */
export async function unlockData(context: Context, secret: string, options: UnlockDataOptions = {}): Promise<void> {
  checkGiven(options, { passkey: 'object' })
  const { passkey } = options
  const imported = await importedDevice(context, secret)
  await context.write((keyring) => {
    if (!keyring || !currentPrincipals(keyring).includes(imported.principal))
      throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the secret is of another identity')
    const known = deviceOf(keyring, imported.principal)
    // Data depends on it from now on, so neither hardening nor a sign-out deletes it without a backup.
    const repaired = known?.secret === undefined ? known : { ...known, secret: imported.secret! }
    const entry = { ...(repaired ?? imported), derived: true }
    const now = deviceTime(context)
    const noted = known ? entry : withBegunBackup(entry, '', now)
    return putEntry(keyring, passkey ? withPasskey(entry, passkey, now, known ? 'this-device' : 'another') : noted)
  })
  context.dispatch({ type: 'backupsChanged', storage: context.view().storage })
}

/** Returns the device identities that were set aside, and the current one if asked for. */
export async function listIdentities(context: Context, options: ListIdentitiesOptions = {}): Promise<KeptIdentity[]> {
  checkGiven(options, { withCurrent: 'boolean' })
  const { withCurrent = false } = options
  await context.read()
  const keyring = context.keyring()
  const principalNow = currentEntry(keyring)?.principal
  return (keyring?.entries ?? [])
    .filter((entry) => entry.kind === 'device')
    .filter(({ principal }) => withCurrent || principal !== principalNow)
    .map((entry) => {
      const { principal, createdAt, origin } = entry
      return { principal, createdAt, origin, backups: backupsOf(entry) }
    })
}

/** Creates the entry of an imported secret. */
async function importedDevice(context: Context, secret: string): Promise<DeviceEntry> {
  return { ...(await deviceEntry(context, parseSecret(secret))), origin: 'imported' }
}
