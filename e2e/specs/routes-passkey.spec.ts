import type { Device } from 'latchkey/playwright'
import { someEmail } from '../support/account.ts'
import { enter, expect, expectUnchanged, expectUpgraded, makeItem, test, visit } from '../support/routes.ts'
import type { RoutesServer } from '../support/routes-server.ts'

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
  test('registered, then used on the same and on a second device (checklist 26: passkey)', async ({
    openApp,
    site,
  }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await somebodysAccount(device, site, email)
    const authenticator = await device.addAuthenticator()
    expect(await device.page.evaluate(async () => (await routes.client.passkey.addPasskey()).error)).toBeNull()
    await expectUpgraded(device, site, email, { principal })

    await device.page.evaluate(() => routes.auth.signOut())
    expect(await enter(device.page, 'passkey')).toBe('switched')
    await expectUpgraded(device, site, email, { principal })

    const second = await openApp()
    const roaming = await second.addAuthenticator()
    for (const credential of await authenticator.passkeys()) await roaming.add(credential)
    expect(await enter(second.page, 'passkey')).toBe('switched')
    await expectUpgraded(second, site, email, { principal })
  })

  test('that the person does not give leaves everything as it was', async ({ openApp, site }) => {
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    await device.addAuthenticator()
    expect(await enter(device.page, 'passkey')).toBe('PROVIDER_REFUSED')
    await expectUnchanged(device, site, { principal, phase: 'ready' })
  })

  test("opens an unused account: it takes the device's principal", async ({ openApp, site }) => {
    const first = await openApp()
    const email = someEmail()
    await somebodysAccount(first, site, email)
    const authenticator = await first.addAuthenticator()
    expect(await first.page.evaluate(async () => (await routes.client.passkey.addPasskey()).error)).toBeNull()
    // As an account that was made under the plugin without a proof.
    site.change('DELETE FROM latchkeyPrincipal WHERE userId = ?', site.account(email)!.id)
    site.change('UPDATE user SET principal = NULL, principalEpoch = NULL, principalOpen = 1 WHERE email = ?', email)

    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    const roaming = await device.addAuthenticator()
    for (const credential of await authenticator.passkeys()) await roaming.add(credential)
    expect(await enter(device.page, 'passkey')).toBe('upgraded')
    await expectUpgraded(device, site, email, { principal })
  })
})
