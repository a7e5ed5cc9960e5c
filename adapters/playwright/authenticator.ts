import type { Page } from '@playwright/test'
import { openSession } from './chromium-session.ts'

/** Options of a virtual authenticator. The defaults are those of a phone or laptop that syncs its passkeys. */
export interface AuthenticatorOptions {
  /**
   * True, the default: it evaluates the PRF when a passkey is made or used. `'second-step'`: only when it is used, as
   * security keys do. False: it has none.
   */
  readonly prf?: boolean | 'second-step'
  /** `internal`, the default: part of the device. `usb`, `nfc`, `ble`: a security key. `hybrid`: a phone nearby. */
  readonly transport?: 'internal' | 'usb' | 'nfc' | 'ble' | 'hybrid'
  /** Whether passkeys are synced to the user's other devices. Defaults to true for `internal`, else to false. */
  readonly isSynced?: boolean
  /** Whether the user passes the check (fingerprint, PIN). Defaults to true. */
  readonly isUserVerified?: boolean
  /** A tab of the device. Defaults to the first one. */
  readonly page?: Page
}

/** A passkey in a virtual authenticator, as the WebAuthn domain of the Chrome DevTools Protocol describes it. */
export interface VirtualPasskey {
  /** Base64. */
  readonly credentialId: string
  readonly isResidentCredential: boolean
  /** PKCS#8, base64. */
  readonly privateKey: string
  readonly signCount: number
  readonly rpId?: string
  /** Base64; absent if the passkey is not discoverable. */
  readonly userHandle?: string
}

/** A virtual authenticator (WebAuthn) of one tab. It answers each ceremony at once, without a dialog. */
export interface Authenticator {
  /** Returns its passkeys. */
  passkeys(): Promise<readonly VirtualPasskey[]>
  /** Adds a passkey of another one, as one that was synced. Its PRF is another one: Chromium does not copy that. */
  add(passkey: VirtualPasskey): Promise<void>
  /** Deletes all its passkeys, as a user does in the settings. */
  clear(): Promise<void>
  /** Sets whether the user passes the check from now on. */
  setUserVerified(isUserVerified: boolean): Promise<void>
  /** Removes the authenticator. */
  remove(): Promise<void>
}

/** Adds an authenticator to a page. */
export async function addAuthenticator(
  page: Page,
  {
    prf = true,
    transport = 'internal',
    isSynced = transport === 'internal',
    isUserVerified = true,
  }: AuthenticatorOptions,
): Promise<Authenticator> {
  const session = await openSession(page, 'A virtual authenticator')
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true,
      hasPrf: prf === true,
      // The extension of CTAP 2.1 under the PRF of WebAuthn.
      ...(prf === 'second-step' && { hasHmacSecret: true }),
      defaultBackupEligibility: isSynced,
      defaultBackupState: isSynced,
    },
  })
  return {
    passkeys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    add: async (credential) => void (await session.send('WebAuthn.addCredential', { authenticatorId, credential })),
    clear: async () => void (await session.send('WebAuthn.clearCredentials', { authenticatorId })),
    async setUserVerified(isVerified) {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: isVerified })
    },
    async remove() {
      await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
      await session.detach()
    },
  }
}
