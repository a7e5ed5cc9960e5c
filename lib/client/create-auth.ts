import { type AuthErrorKind, type AuthState, INITIAL_STATE, type Session } from '../machine/state.ts'
import type { Decision } from '../machine/transition.ts'
import type { ImportSecretOptions, KeptIdentity } from './device/backup.ts'
import type { EnsureIdentityOptions } from './device/ensure-identity.ts'
import { start } from './device/identity.ts'
import { type AuthOptions, checkOptions } from './options.ts'
import { type Acts, createRuntime } from './shared/context.ts'
import type { SignOutOptions } from './account/sign-out.ts'
import type { GetTokenOptions } from './tokens/token-source.ts'
import type { ConflictPreview, ResolveOptions, UpgradeResult } from './account/resolve-conflict.ts'

/** The identity of an app on one device. Made by `createAuth`. */
export interface Auth {
  /** Resolves once the stored identity is in force, or storage is known not to work. Never rejects, never waits for the network. */
  readonly ready: Promise<void>
  /** The present state: frozen, the same reference until a field changes. */
  getState(): AuthState
  /** The state that a server renders: always the same. */
  getServerState(): AuthState
  /**
   * Calls `listener` after each change.
   *
   * @returns a function that ends the subscription
   */
  subscribe(listener: () => void): () => void
  /**
   * Anonymous to local-first: loads or creates the device identity.
   *
   * @throws {LatchkeyError} `KEYSTORE_*`, `CRYPTO_UNAVAILABLE`, `IDENTITY_UNKNOWN`, `IDENTITY_CHANGED`, `UPGRADE_IN_PROGRESS`
   */
  ensureIdentity(options?: EnsureIdentityOptions): Promise<Session>
  /**
   * The bearer for the present mode; null without a credential.
   *
   * @throws {LatchkeyError} `OFFLINE`, `SESSION_MISSING`, `PRINCIPAL_MISMATCH`, `IDENTITY_CHANGED`, `KEYSTORE_*`
   */
  getToken(options?: GetTokenOptions): Promise<string | null>
  /**
   * `fetch` with that bearer, to the page's origin and those in `audiences`. After a 401 the token is refreshed once
   * and the request sent once more.
   *
   * @throws {LatchkeyError} `ORIGIN_NOT_ALLOWED` before anything is sent, and what {@link Auth.getToken} throws
   */
  readonly fetch: typeof fetch
  /**
   * Signs up or in through `run`, one call for both: with OAuth nobody knows beforehand which it is.
   *
   * @param run - calls the account client, for instance `() => authClient.signUp.email({ … })`
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an outcome
   */
  upgrade(run: () => unknown): Promise<UpgradeResult>
  /**
   * Continues with the account in `getState().upgrade.account`, after the app showed it and the user confirmed.
   *
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`; `CONFLICT`: call `resolveConflict` first; every other failure is an outcome
   */
  acceptAccount(): Promise<UpgradeResult>
  /**
   * Ends a pending upgrade or a conflict: the device's identity stays, and the account's session ends.
   *
   * @throws {LatchkeyError} `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  cancelUpgrade(): Promise<void>
  /**
   * Ends a conflict: an account is signed in that has another principal, and this device holds something.
   * `adopt`: the account takes the device's principal as an alias, and has the data of both. `switch`: the account, with
   * the device's identity set aside. `discard`: the account, and the device's identity is deleted. To keep the device's
   * identity and end the account's session, call `cancelUpgrade`.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`; every other failure is an outcome, and the conflict goes on
   */
  resolveConflict(decision: Decision, options?: ResolveOptions): Promise<UpgradeResult>
  /**
   * Both sides of the conflict that waits, as `describeLocal` and `describeAccount` tell.
   *
   * @throws {LatchkeyError} `CONFLICT_MISSING`, `KEYSTORE_*`
   */
  previewConflict(): Promise<ConflictPreview>
  /**
   * Takes an alias back from the account in force; rows that were moved stay where they are. Needs a fresh session.
   *
   * @param alias - one of `session.principals`, not the first
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `OFFLINE`, `PROVIDER_REFUSED`, `KEYSTORE_*`
   */
  unlinkAlias(alias: string): Promise<Session>
  /**
   * Ends the session here at once, offline too; the account server hears of it when it can be reached.
   *
   * @throws {LatchkeyError} `UNSYNCED_DATA`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  signOut(options?: SignOutOptions): Promise<void>
  /**
   * Returns 32 bytes that belong to the device identity and to `purpose`; the same secret gives them back anywhere.
   * An account alone never does.
   *
   * @param purpose - such as `notes`
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `KEYSTORE_*`
   */
  deriveKey(purpose: string): Promise<Uint8Array<ArrayBuffer>>
  /**
   * Returns the text form of the device secret (base64url, 43 characters): who has it is this identity. For a backup
   * that the person keeps; call `confirmBackup` when they have shown that they can bring it back.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`, `SECRET_HARDENED`, `KEYSTORE_*`
   */
  exportSecret(): Promise<string>
  /**
   * Takes note that the secret is kept elsewhere; from now on the identity counts as recoverable.
   *
   * @param secret - as the person brought it back
   * @throws {LatchkeyError} `SECRET_INVALID`, `PRINCIPAL_MISMATCH`: it is of another identity, `KEYSTORE_*`
   */
  confirmBackup(secret: string): Promise<void>
  /**
   * Puts the identity of a secret in force.
   *
   * @throws {LatchkeyError} `SECRET_INVALID`, `IDENTITY_CHANGED`: another identity is in force, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
   */
  importSecret(secret: string, options?: ImportSecretOptions): Promise<Session>
  /** The device identities that were set aside; `ensureIdentity({ resume })` takes one again. */
  listIdentities(): Promise<readonly KeptIdentity[]>
  /**
   * Asks the browser to keep what is stored until the person clears it. Some browsers ask the person: call it on a click.
   *
   * @returns whether it is kept, false also where the browser says nothing within 30 s
   */
  requestPersistence(): Promise<boolean>
  /** Tells that the app queued or sent a write by another way than `fetch`: from now on this identity holds something. */
  markWritten(): Promise<void>
  /**
   * Reports what a server said about the token over another transport than `fetch`, a socket for instance.
   *
   * @param error - why the token was refused: `error` is set and the session stays. Null: the token was accepted, and `error` is cleared
   */
  reportToken(error: AuthErrorKind | null): void
  /** Lets go of connections and timers. The identity stays. */
  close(): void
}

/**
 * Opens the identity of this device, and makes one at the first start.
 *
 * @throws {TypeError} an option cannot be meant
 */
export type CreateAuth = (options?: AuthOptions) => Auth

/**
 * Makes `createAuth`.
 *
 * @param loadActs - how the part that loads later is had: by `import()` in pages, at once in service workers
 */
export function createAuthWith(loadActs: () => Promise<Acts>): CreateAuth {
  // One promise for all callers: two imports of a module that is still on its way may resolve in any order.
  let loading: Promise<Acts> | undefined
  const acts = (): Promise<Acts> =>
    (loading ??= loadActs().catch((error: unknown) => ((loading = undefined), Promise.reject(error))))
  return (options = {}) => {
    checkOptions(options)
    const runtime = createRuntime(options, acts)
    let detach: Promise<() => void> | undefined

    // Not before the next microtask: construction itself touches no store, no channel and no network.
    const ready = Promise.resolve().then(async () => {
      const isFound = await start(runtime)
      // A server that renders has no store: nothing to connect, and no account of its own to ask about.
      if (!options.keystore && !globalThis.indexedDB) return
      detach = acts().then(({ attach }) => attach(runtime, !isFound))
      // Where it cannot be loaded the identity works all the same; whoever needs more hears of it then.
      detach.catch(() => {})
    })
    const act =
      (name: Act) =>
      (...request: unknown[]) =>
        ready.then(acts).then((loaded) => (loaded[name] as (...given: unknown[]) => unknown)(runtime, ...request))

    return {
      ...(Object.fromEntries(ACTS.map((name) => [name, act(name)])) as Pick<Auth, Act>),
      ready,
      getState: runtime.getState,
      getServerState: () => INITIAL_STATE,
      subscribe: runtime.subscribe,
      getToken: async (request) => (await ready, runtime.getToken(request)),
      reportToken: (reason) =>
        void runtime.dispatch(reason ? { type: 'tokenRejected', reason } : { type: 'tokenAccepted' }),
      close() {
        // Closed before it was ready, it still connects; and what the later part has opened until then is let go too.
        void ready
          .then(() => detach)
          .then((leave) => leave?.())
          .catch(() => {})
          .then(() => runtime.store.close())
      },
    }
  }
}

/** What loads with the acts, under the same name there. */
const ACTS = [
  'ensureIdentity',
  'fetch',
  'upgrade',
  'acceptAccount',
  'cancelUpgrade',
  'resolveConflict',
  'previewConflict',
  'unlinkAlias',
  'signOut',
  'deriveKey',
  'exportSecret',
  'confirmBackup',
  'importSecret',
  'listIdentities',
  'requestPersistence',
  'markWritten',
] as const satisfies readonly (keyof Auth & keyof Acts)[]

type Act = (typeof ACTS)[number]
