import type { Auth, ImportSecretOptions } from '../client/auth.ts'
import { checkGiven } from '../client/shared/check-given.ts'
import { LatchkeyError } from '../errors.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { type IdentityIds, type IdentityProfile, idsOf } from '../identity/profile.ts'
import { parseSecret } from '../identity/secret.ts'
import { listKept } from '../kept-identities.ts'
import type { Session } from '../machine/state.ts'
import type { OptionNames } from '../option-names.ts'
import { type KnownOptions, type KnownToServer, askServers } from './known.ts'
import { checkOf } from './secret-text.ts'

/** The identity that would be restored. Show it, and let the user confirm it. */
export interface RestorePreview {
  readonly principal: string
  /** Ids of the secret's further identities, if the option `profiles` names any. */
  readonly ids?: IdentityIds
  /** Six characters that identify the secret, also on the printed sheet. */
  readonly check: string
  /** True if this device has the identity, current or not. */
  readonly knownHere: boolean
  /**
   * Whether the account server or the app's own server knows the identity. Any wallet's 24 words are valid words, and
   * sometimes two swapped words are too. So if neither this device nor a server knows the identity, tell the user.
   */
  readonly knownToServer: KnownToServer
  /** The current principal that would be replaced; null if there is none, or if it is the same. */
  readonly replaces: string | null
}

/** What a preview shows besides the principal. */
export interface PreviewOptions extends KnownOptions {
  /** Further identities of the same secret, whose ids are shown too: for example `jazzProfile` of `latchkey/jazz`. */
  readonly profiles?: readonly IdentityProfile[]
}

/** The names of {@link PreviewOptions}. */
export const PREVIEW_OPTIONS: OptionNames<PreviewOptions> = {
  account: true,
  isKnown: true,
  audience: true,
  clock: true,
  profiles: true,
}

/** How a restore treats the current identity, and an unknown one. */
export interface RestoreOptions {
  /** Sets the identity in `preview.replaces` aside. By default the restore is refused if there is one. */
  readonly replace?: boolean
  /**
   * True if the user was told that the identity is unknown, or that no server could be asked. By default the restore is
   * refused in this case.
   */
  readonly evenIfUnknown?: boolean
}

/** The methods of {@link Auth} that are used. */
export type RecoverableAuth = Pick<
  Auth,
  'getState' | 'exportSecret' | 'confirmBackup' | 'importSecret' | 'unlockData' | 'listIdentities'
>

/** Returns whose secret it is. Nothing is stored. */
export async function previewOf(
  auth: RecoverableAuth,
  options: PreviewOptions,
  secret: string,
): Promise<RestorePreview> {
  const key = await openDeviceKey(parseSecret(secret))
  const { principal } = key
  const [check, ids, kept, knownToServer] = await Promise.all([
    checkOf(secret),
    idsOf(options, secret),
    listKept(auth),
    askServers(options, key),
  ])
  // Read last: an import sets aside only the identity that is in the preview.
  const { session } = auth.getState()
  return {
    principal,
    ...ids,
    check,
    knownHere: session?.principals.includes(principal) === true || kept.some((each) => each.principal === principal),
    knownToServer,
    replaces: session && session.principal !== principal ? session.principal : null,
  }
}

/**
 * Makes the identity of a confirmed preview current.
 *
 * @throws {LatchkeyError} `RESTORE_UNKNOWN`; those of `auth.importSecret`
 */
export async function restore(
  auth: RecoverableAuth,
  { knownHere, knownToServer, replaces }: RestorePreview,
  options: RestoreOptions,
  secret: string,
  backup: Pick<ImportSecretOptions, 'label' | 'passkey'>,
): Promise<Session> {
  checkGiven(options, { replace: 'boolean', evenIfUnknown: 'boolean' })
  const { replace = false, evenIfUnknown = false } = options
  if (!knownHere && knownToServer !== true && !evenIfUnknown) throw new LatchkeyError('RESTORE_UNKNOWN')
  return auth.importSecret(secret, { ...backup, replace: replace && (replaces ?? false) })
}
