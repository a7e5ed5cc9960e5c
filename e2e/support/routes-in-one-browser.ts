import { newOpenIdProfile } from 'latchkey/playwright'
import { someEmail } from './account.ts'
import {
  answer,
  arrived,
  countUsers,
  enter,
  expect,
  expectUnchanged,
  expectUpgraded,
  leaveFor,
  makeItem,
  ownVerification,
  test,
  visit,
} from './routes.ts'

/** Each kind of redirect from a first visit to an account, however the server keeps its sessions. */
export function routesInOneBrowser(): void {
  test('magic link in the same tab (checklist 26: magic link)', async ({ openApp, site }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await makeItem(device)
    expect(await enter(device.page, 'askForLink', email)).toBe('pending')
    await expectUnchanged(device, site, { principal, phase: 'pending' })
    await visit(device.page, site.mailTo(email).url)
    await expectUpgraded(device, site, email, { principal })
    await device.page.reload()
    await expectUpgraded(device, site, email, { principal })
  })

  for (const provider of ['gitlab', 'openid']) {
    test(`first sign-up through ${provider === 'openid' ? 'a generic' : 'a built-in'} provider, and later ones on the same and on a second device (checklist 26: OAuth redirect)`, async ({
      openApp,
      site,
    }) => {
      const profile = newOpenIdProfile()
      const { email } = profile
      const device = await openApp()
      const principal = await device.principal()
      await makeItem(device)
      await leaveFor(device.page, provider)
      await answer(device.page, 'allow', profile)
      await expectUpgraded(device, site, email, { principal })

      await device.page.evaluate(() => routes.auth.signOut())
      await device.waitForState({ authMode: 'anonymous', phase: 'ready' })
      await leaveFor(device.page, provider)
      await answer(device.page, 'allow', profile)
      await device.waitForState({
        authMode: 'anonymous',
        phase: 'pending',
        upgrade: { account: { principal, identifiers: [email] } },
      })
      expect(await device.page.evaluate(() => routes.confirm())).toBe('switched')
      await expectUpgraded(device, site, email, { principal })

      const second = await openApp()
      await leaveFor(second.page, provider)
      await answer(second.page, 'allow', profile)
      await second.waitForState({
        authMode: 'local-first',
        phase: 'pending',
        upgrade: { account: { principal, identifiers: [email] } },
      })
      expect(await second.page.evaluate(() => routes.confirm())).toBe('switched')
      await expectUpgraded(second, site, email, { principal })
      expect(countUsers(site, email)).toBe(1)
    })
  }

  test("required verification by the app's own page", async ({ openApp, site }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await makeItem(device)
    expect(await enter(device.page, 'signUp', email)).toBe('pending')
    await device.page.goto(ownVerification(site, email))
    expect(await arrived(device.page)).toBe('upgraded')
    await expectUpgraded(device, site, email, { principal })
    expect((await device.state()).storage.durability).toBe('recoverable')
  })
}
