import { unlessAborted } from '../client/shared/abort.ts'
import { LatchkeyError } from '../errors.ts'
import type { Session } from '../machine/state.ts'
import { type OptionNames, checkOptionNames } from '../option-names.ts'
import { type Approval, approvalOf } from './approval.ts'
import { type Arrival, arrivalOf, checkReady } from './arrival.ts'
import { parseCode } from './code.ts'
import { httpGrants } from './grants.ts'
import { type Parts, type ShownCode, scanned, show } from './meeting.ts'
import { type PairingMode, checkShownText } from './messages.ts'
import type { PairableAuth } from './pairable-auth.ts'
import { httpRendezvous } from './rendezvous.ts'

/**
 * Adds a second device. Made by `createPairing`. Call each method from a click, never automatically when a page loads.
 * Without WebCrypto, as in a page over http and in React Native, each rejects with `CRYPTO_UNAVAILABLE`.
 */
export interface Pairing {
  /**
   * On the device that has the identity: starts adding a device, and returns the code to show.
   *
   * @throws {LatchkeyError} `IDENTITY_UNKNOWN`; `SECRET_HARDENED`: the secret can no longer be copied;
   *   `PROVIDER_REFUSED`: `confirmUser` did; `OFFLINE`, `RENDEZVOUS_FULL`, `KEYSTORE_*`
   */
  addDevice(options?: AddDeviceOptions): Promise<ShownCode<Approval>>
  /**
   * On the device that has the identity: adds the device whose code this app's own scanner has read. Never pass a link
   * here: anyone can send one.
   *
   * @throws {LatchkeyError} `PAIRING_CODE_INVALID`, `RENDEZVOUS_CONTESTED`, `RENDEZVOUS_ENDED`, `PAIRING_FAILED`; the
   *   errors of `addDevice`
   */
  scan(text: string, options?: AddDeviceOptions): Promise<Approval>
  /**
   * On the new device: accepts the code of `addDevice`, scanned or opened as a link, after the user clicked to join.
   *
   * @throws {LatchkeyError} `PAIRING_CODE_INVALID`, `RENDEZVOUS_CONTESTED`, `RENDEZVOUS_ENDED`, `PAIRING_FAILED`,
   *   `OFFLINE`; `IDENTITY_CHANGED`: an account is current here; `UPGRADE_IN_PROGRESS`, `CONFLICT`; `KEYSTORE_*`: no
   *   identity could be stored here
   */
  join(text: string, options?: PairingActOptions): Promise<Arrival>
  /**
   * On the new device: returns a code to show, for `scan` on the other one.
   *
   * @throws {LatchkeyError} `OFFLINE`, `RENDEZVOUS_FULL`; `IDENTITY_CHANGED`: an account is current here;
   *   `UPGRADE_IN_PROGRESS`, `CONFLICT`, `KEYSTORE_*`
   */
  showCode(options?: PairingActOptions): Promise<ShownCode<Arrival>>
}

/** Options of each method. */
export interface PairingActOptions {
  /**
   * Ends the pairing when it fires, as `cancel` does: this method, and whatever waits for the other device later,
   * reject with `RENDEZVOUS_ENDED`. What was approved already is withdrawn if that is still possible.
   */
  readonly signal?: AbortSignal
}

/** Options of `addDevice` and `scan`. */
export interface AddDeviceOptions extends PairingActOptions {
  /** Name of the identity in the other device's preview: at most 40 characters. Defaults to the empty string. */
  readonly label?: string
}

/** Options of `createPairing`. */
export interface PairingOptions {
  /** Base URL of the server with the plugin `latchkey` and its option `pairing`, the same on every device. */
  readonly server: string
  /** Name of this device on the other one, such as "Firefox on Linux": at most 40 characters. */
  readonly deviceName: string
  /** Address of the page that calls `join`, for the link in the code. Defaults to the page's own address. */
  readonly url?: string
  /** `name` of `createAuth`. Devices of another app cannot pair. Defaults to `latchkey`. */
  readonly name?: string
  /**
   * Called before a device is added. Let the user prove who they are, with a fresh sign-in or a passkey. Throwing
   * refuses, and so does the answer false, null, or an object with an `error`, such as Better Auth's client returns:
   * `PROVIDER_REFUSED`. Without it, anyone who holds this device can add another one.
   */
  readonly confirmUser?: (mode: PairingMode) => unknown
  /** For apps whose session is not a cookie. Defaults to the global `fetch`. */
  readonly fetch?: typeof fetch
  /** Milliseconds between two requests while waiting for the other device. Defaults to 1000. */
  readonly interval?: number
}

const OPTIONS: OptionNames<PairingOptions> = {
  server: true,
  deviceName: true,
  url: true,
  name: true,
  confirmUser: true,
  fetch: true,
  interval: true,
}

/**
 * Creates the methods for pairing.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export function createPairing(auth: PairableAuth, options: PairingOptions): Pairing {
  checkOptionNames('', options, OPTIONS)
  const { name = 'latchkey', deviceName, interval = 1000, confirmUser } = options
  checkShownText('deviceName', deviceName)
  const server = new URL(options.server).href.replace(/\/+$/, '')
  const send: typeof fetch = options.fetch ?? ((...given) => fetch(...given))
  const grants = httpGrants(server, send)
  const parts: Parts = { rendezvous: httpRendezvous(server, send), interval, server, name, url: options.url }

  const authority = async ({ label = '' }: AddDeviceOptions): Promise<Parameters<typeof approvalOf>[1]> => {
    checkShownText('label', label)
    const session = giving(auth)
    const mode = session.authMode === 'external' ? 'account' : 'secret'
    if (mode === 'secret') await auth.exportSecret()
    if (confirmUser) checkConfirmed(await confirmUser(mode))
    return { auth, deviceName, label, mode, principal: session.principal, grants }
  }
  const newcomer = { auth, deviceName, server, grants }
  return {
    addDevice: (how = {}) =>
      untilEnded(how, async (signal) => {
        const giver = await authority(how)
        return show({ ...parts, signal }, 'h', (greet) => approvalOf(greet, giver))
      }),
    scan: (text, how = {}) =>
      untilEnded(how, async (signal) => {
        const code = parseCode(text, 'n')
        const giver = await authority(how)
        return approvalOf(await scanned({ ...parts, signal }, code), giver)
      }),
    join: (text, how = {}) =>
      untilEnded(how, async (signal) => {
        const code = parseCode(text, 'h')
        await checkReady(auth)
        return arrivalOf(await scanned({ ...parts, signal }, code), newcomer)
      }),
    showCode: (how = {}) =>
      untilEnded(how, async (signal) => {
        await checkReady(auth)
        return show({ ...parts, signal }, 'n', (greet) => arrivalOf(greet, newcomer))
      }),
  }
}

/** @throws {LatchkeyError} `PROVIDER_REFUSED` */
function checkConfirmed(answer: unknown): void {
  const { error } = (answer ?? {}) as { readonly error?: unknown }
  if (answer === false || answer === null || error) throw new LatchkeyError('PROVIDER_REFUSED', 'confirmUser', error)
}

/** Stops waiting once the signal fires. What was begun until then ends by itself. */
async function untilEnded<Value>(
  { signal }: PairingActOptions,
  work: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
  if (!globalThis.crypto?.subtle) throw new LatchkeyError('CRYPTO_UNAVAILABLE', 'pairing needs WebCrypto')
  if (!signal) return work(signal)
  const ended = (): LatchkeyError => new LatchkeyError('RENDEZVOUS_ENDED', undefined, signal.reason)
  if (signal.aborted) throw ended()
  return unlessAborted(signal, work(signal)).catch((error: unknown) => {
    throw signal.aborted ? ended() : error
  })
}

function giving(auth: PairableAuth): Session {
  const { session } = auth.getState()
  if (!session) throw new LatchkeyError('IDENTITY_UNKNOWN', 'there is no identity to pair')
  return session
}
