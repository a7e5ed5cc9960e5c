import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import { someEmail } from '../support/account.ts'
import { enter, expect, expectUnchanged, expectUpgraded, makeItem, test, visit } from '../support/routes.ts'
import type { RoutesServer } from '../support/routes-server.ts'

/** As the WebAuthn domain of CDP tells it. */
interface Credential {
  readonly credentialId: string
  readonly isResidentCredential: boolean
  readonly privateKey: string
  readonly signCount: number
  readonly rpId?: string
  readonly userHandle?: string
}

/** A virtual authenticator, and what is in it. */
interface Authenticator {
  credentials(): Promise<Credential[]>
  add(credential: Credential): Promise<unknown>
}

/** A device that has an account. */
async function somebodysAccount(device: Device, site: RoutesServer, email: string): Promise<string> {
  await makeItem(device)
  expect(await enter(device.page, 'askForLink', email)).toBe('pending')
  await visit(device.page, site.mailTo(email).url)
  const principal = await device.principal()
  await expectUpgraded(device, site, email, { principal })
  return principal!
}

test.describe('a passkey', () => {
  /** An authenticator for this page alone. */
  async function addAuthenticator(page: Page): Promise<Authenticator> {
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    } as const
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options })
    return {
      credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
      add: (credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
    }
  }

  test('registered, then used on the same and on a second device (checklist 26: passkey)', async ({
    openApp,
    site,
  }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await somebodysAccount(device, site, email)
    const authenticator = await addAuthenticator(device.page)
    expect(await device.page.evaluate(async () => (await routes.client.passkey.addPasskey()).error)).toBeNull()
    await expectUpgraded(device, site, email, { principal })

    await device.page.evaluate(() => routes.auth.signOut())
    expect(await enter(device.page, 'passkey')).toBe('switched')
    await expectUpgraded(device, site, email, { principal })

    const second = await openApp()
    const roaming = await addAuthenticator(second.page)
    for (const credential of await authenticator.credentials()) await roaming.add(credential)
    expect(await enter(second.page, 'passkey')).toBe('switched')
    await expectUpgraded(second, site, email, { principal })
  })

  test('that the person does not give leaves everything as it was', async ({ openApp, site }) => {
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    await addAuthenticator(device.page)
    expect(await enter(device.page, 'passkey')).toBe('PROVIDER_REFUSED')
    await expectUnchanged(device, site, { principal, phase: 'ready' })
  })

  test("opens an account that nobody has used yet: it takes the device's principal", async ({ openApp, site }) => {
    const first = await openApp()
    const email = someEmail()
    await somebodysAccount(first, site, email)
    const authenticator = await addAuthenticator(first.page)
    expect(await first.page.evaluate(async () => (await routes.client.passkey.addPasskey()).error)).toBeNull()
    // As an account that was made under the plugin without a proof.
    site.change('DELETE FROM latchkeyPrincipal WHERE userId = ?', site.account(email)!.id)
    site.change('UPDATE user SET principal = NULL, principalEpoch = NULL, principalOpen = 1 WHERE email = ?', email)

    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    const roaming = await addAuthenticator(device.page)
    for (const credential of await authenticator.credentials()) await roaming.add(credential)
    expect(await enter(device.page, 'passkey')).toBe('upgraded')
    await expectUpgraded(device, site, email, { principal })
  })
})
