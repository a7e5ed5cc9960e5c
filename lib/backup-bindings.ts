import type { ReadableAuth, Store } from './bindings.ts'
import type { Auth } from './client/auth.ts'
import type { LatchkeyErrorCode } from './errors.ts'
import type { Backup } from './keystore/record.ts'
import { type ListPhase, createList } from './list-bindings.ts'
import type { Storage } from './machine/state.ts'
import type { PasskeyReach } from './passkey/ceremonies.ts'
import type {
  AddOptions,
  AddedPasskey,
  PasskeyActOptions,
  PasskeyBackups,
  SealedBackup,
} from './passkey/passkey-backups.ts'
import type { BeginBackupOptions, Recovery, WordsBackup } from './recovery/create-recovery.ts'

/** The part of `Auth` that `useBackups` needs. */
export type BackupsAuth = ReadableAuth & Pick<Auth, 'listIdentities'>

/**
 * What the methods of {@link Backups} do. Their identity never changes. A call while `isBusy` does nothing. A failure
 * is shown as `failure`; they reject only for a programming error, such as an invalid argument. Call those of a passkey
 * each from its own click.
 */
export interface BackupActions {
  /** Loads the list again. */
  readonly reload: () => Promise<void>
  /**
   * Starts a backup by words, which are in `words` then: show them, and ask for those at `words.places`.
   *
   * @param recovery - from `createRecovery` of `latchkey/recovery`
   * @returns the same as `words`, or null if that failed
   */
  readonly beginWords: (
    recovery: Pick<Recovery, 'beginBackup' | 'confirmBackup'>,
    options?: BeginBackupOptions,
  ) => Promise<WordsBackup | null>
  /**
   * Completes the backup in `words`, which is null then. Without one it does nothing.
   *
   * @param typed - one word for each of `words.places`, in that order
   * @returns false if that failed: `PHRASE_MISMATCH` if a word differs, and the user can type them again
   */
  readonly confirmWords: (typed: readonly string[]) => Promise<boolean>
  /**
   * Creates a passkey for a backup, or uses one that the user has. It is in `passkey` then: call `sealPasskey` next.
   *
   * @param passkeys - from `createPasskeyBackup` of `latchkey/passkey`
   * @returns the same as `passkey`, or null if that failed
   */
  readonly addPasskey: (
    passkeys: Pick<PasskeyBackups, 'add' | 'seal'>,
    options?: AddOptions,
  ) => Promise<AddedPasskey | null>
  /**
   * Seals the secret for `passkey`. The result is in `sealed` then: let the user save `sealed.file`, and call
   * `verifyPasskey`. Without a passkey it does nothing.
   *
   * @returns the same as `sealed`, or null if that failed
   */
  readonly sealPasskey: (options?: PasskeyActOptions) => Promise<SealedBackup | null>
  /**
   * Opens a backup again, to show that the user has it. `sealed` is null then; `words` and `passkey` stay.
   *
   * @param passkeys - from `createPasskeyBackup` of `latchkey/passkey`
   * @param file - the content of the file that the user chose; without it, the backup comes from the store
   * @returns where the passkey works, or null if that failed
   */
  readonly verifyPasskey: (
    passkeys: Pick<PasskeyBackups, 'verify'>,
    file?: string,
    options?: PasskeyActOptions,
  ) => Promise<PasskeyReach | null>
  /**
   * Removes the backup of the passkey that the user chooses from the store. The passkey and the files stay, and
   * so does a backup that was started.
   *
   * @param passkeys - from `createPasskeyBackup` of `latchkey/passkey`
   * @returns false if that failed
   */
  readonly removeStored: (
    passkeys: Pick<PasskeyBackups, 'removeStored'>,
    options?: PasskeyActOptions,
  ) => Promise<boolean>
  /** Drops `words`, `passkey` and `sealed`. What was recorded or sealed stays. */
  readonly cancel: () => Promise<void>
}

/** A backup that was started: at most one of these is set. */
interface BegunBackup {
  /** Shown, and not confirmed yet. Contains the secret: never store it. */
  readonly words: WordsBackup | null
  /** Added, and not sealed yet. */
  readonly passkey: AddedPasskey | null
  /** Sealed, and not opened again yet. */
  readonly sealed: SealedBackup | null
}

/**
 * The backups of the current identity, and of the principals that its account adopted, with the methods that make one.
 * The list is loaded while a component shows it, and again after each change and for another identity. A backup that
 * was started is kept until it is confirmed or cancelled, or another identity is current.
 *
 * - `starting`: unknown yet; on a server and during hydration it is always this one.
 * - `none`: there is no identity.
 * - `loading`: the list was not loaded yet.
 * - `ready`: the list is loaded. It stays while it is loaded again, and if that fails.
 * - `failed`: the list could not be loaded. `failure` says why.
 */
export interface Backups extends BegunBackup, BackupActions, Pick<Storage, 'advice' | 'canBackUp' | 'durability'> {
  readonly phase: ListPhase
  /** Those that this device knows of, also the ones that were not shown to work yet. Empty until they are loaded. */
  readonly backups: readonly Backup[]
  /** True while a method is running: disable the buttons. */
  readonly isBusy: boolean
  /** Error code of the last method, or, without one, of the last loading. `PASSKEY_CANCELLED` needs no message. */
  readonly failure: LatchkeyErrorCode | null
}

/** The values of `phase` in {@link Backups}. */
export type BackupsPhase = Backups['phase']

/** A backup that was started, and what continues it. */
interface Step extends Partial<BegunBackup> {
  readonly confirm?: (typed: readonly string[]) => Promise<void>
  readonly seal?: (options?: PasskeyActOptions) => Promise<SealedBackup>
}

const stores = new WeakMap<BackupsAuth, Store<Backups>>()

/** Returns the backups of an identity, as a store. All components of a page share one. */
export function backupsOf(auth: BackupsAuth): Store<Backups> {
  const store = stores.get(auth) ?? createBackups(auth)
  stores.set(auth, store)
  return store
}

const NO_BACKUPS: readonly Backup[] = Object.freeze([])

function createBackups(auth: BackupsAuth): Store<Backups> {
  const [store, change, reload, follow] = createList<Backup, Step, Backups>(
    auth,
    // Another tab may have made a backup, or the account adopted a principal.
    ({ session, storage }) => [
      session && session.principal,
      session && `${session.principals} ${storage.durability} ${storage.advice}`,
    ],
    async () => {
      const identities = await auth.listIdentities({ withCurrent: true })
      const principals = auth.getState().session?.principals
      return identities.flatMap(({ principal, backups }) => (principals?.includes(principal) ? backups : []))
    },
    (list, { items: backups = NO_BACKUPS, step = {} }, { storage: { advice, canBackUp, durability } }) => {
      const { words = null, passkey = null, sealed = null } = step
      const begun = { words, passkey, sealed }
      return Object.freeze({ ...list, backups, advice, canBackUp, durability, ...begun, ...actions })
    },
  )
  const actions: BackupActions = {
    reload,
    beginWords: (recovery, options) =>
      change(async (known) => {
        const words = await recovery.beginBackup(options)
        known.step = { words, confirm: (typed) => recovery.confirmBackup(words, typed) }
        return words
      }),
    async confirmWords(typed) {
      const { confirm } = follow().step ?? {}
      return !!confirm && end(() => confirm(typed))
    },
    addPasskey: (passkeys, options) =>
      change(async (known) => {
        const passkey = await passkeys.add(options)
        known.step = { passkey, seal: (options) => passkeys.seal(passkey, options) }
        return passkey
      }),
    async sealPasskey(options) {
      const { seal } = follow().step ?? {}
      if (!seal) return null
      return change(async (known) => {
        const sealed = await seal(options)
        known.step = { sealed }
        return sealed
      })
    },
    verifyPasskey: (passkeys, file, options) =>
      change(async (known) => {
        const reach = await passkeys.verify(file, options)
        if (known.step?.sealed) known.step = undefined
        return reach
      }),
    async removeStored(passkeys, options) {
      const isDone = await change(async () => {
        await passkeys.removeStored(options)
        return true
      })
      return isDone !== null
    },
    cancel: async () => void (await end(async () => {})),
  }

  /** Runs the last act of a step. Returns false if it failed. */
  async function end(act: () => Promise<void>): Promise<boolean> {
    const isDone = await change(async (known) => {
      await act()
      known.step = undefined
      return true
    })
    return isDone !== null
  }
  return store
}
