import { someEmail } from '../support/account.ts'
import { enter, expect, expectUpgraded, makeItem, test, visit } from '../support/routes.ts'

test.describe('the backup store of Better Auth', () => {
  test('and the passkey of the account: one passkey signs in and brings the data back', async ({ openApp, site }) => {
    const device = await openApp()
    const { page } = device
    const email = someEmail()
    await makeItem(device)
    // Data depends on the secret, so the account does not replace it.
    await page.evaluate(() => routes.auth.deriveKey('items'))
    expect(await enter(page, 'askForLink', email)).toBe('pending')
    await visit(page, site.mailTo(email).url)
    const principal = (await device.principal())!
    await expectUpgraded(device, site, email, { principal })
    const authenticator = await device.addAuthenticator()
    const made = await page.evaluate(async () => {
      const { auth, client, passkeys } = routes
      const { error } = await client.passkey.addPasskey({ extensions: { prf: {} } as object })
      const { data } = await client.passkey.listUserPasskeys()
      const key = String(await auth.deriveKey('items'))
      const { file, ...sealed } = await passkeys.seal(
        await passkeys.add({ credentialId: data![0]!.credentialID, label: 'the passkey of the account' }),
      )
      return { error, key, sealed, file: file.length > 0, reach: await passkeys.verify() }
    })
    expect(made).toMatchObject({ error: null, sealed: { reach: 'synced' }, file: true, reach: 'synced' })
    expect(made.sealed).not.toHaveProperty('problem')
    expect(await authenticator.passkeys()).toHaveLength(1)

    // Every key of the account leaves the device; the passkey signs in, and opens the data.
    await page.evaluate(() => routes.auth.signOut({ forget: true }))
    expect(await enter(page, 'passkey')).toBe('switched')
    const unlocked = await page.evaluate(async () => {
      const { auth, passkeys } = routes
      const before = await auth.deriveKey('items').then(String, (error: { code: string }) => error.code)
      await passkeys.unlockData(await passkeys.readStored())
      return { before, key: String(await auth.deriveKey('items')), principal: auth.getState().session!.principal }
    })
    expect(unlocked).toEqual({ before: 'IDENTITY_UNKNOWN', key: made.key, principal })

    // An empty device without an account restores with the same passkey.
    const restored = await page.evaluate(async () => {
      const { auth, passkeys } = await routes.openEmptyDevice()
      const preview = await passkeys.readStored()
      const nobody = auth.getState().session
      const session = await passkeys.importBackup(preview, { evenIfUnknown: true })
      return { nobody, label: preview.label, principal: session.principal, key: String(await auth.deriveKey('items')) }
    })
    expect(restored).toEqual({ nobody: null, label: 'the passkey of the account', principal, key: made.key })
    expect(await authenticator.passkeys()).toHaveLength(1)
  })

  test('has nothing for a passkey of something else, which stays', async ({ openApp, site }) => {
    const device = await openApp()
    const { page } = device
    const email = someEmail()
    await makeItem(device)
    expect(await enter(page, 'askForLink', email)).toBe('pending')
    await visit(page, site.mailTo(email).url)
    const authenticator = await device.addAuthenticator()
    const code = await page.evaluate(async () => {
      await routes.client.passkey.addPasskey({ extensions: { prf: {} } as object })
      const { auth, passkeys } = await routes.openEmptyDevice()
      const failure = await passkeys.readStored().then(String, (error: { code: string }) => error.code)
      return [failure, auth.getState().session]
    })
    expect(code).toEqual(['BACKUP_UNKNOWN', null])
    expect(await authenticator.passkeys()).toHaveLength(1)
  })
})
