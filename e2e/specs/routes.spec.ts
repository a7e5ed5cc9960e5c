import { newOpenIdProfile } from 'latchkey/playwright'
import { someEmail } from '../support/account.ts'
import {
  answer,
  arrived,
  arriving,
  countUsers,
  enter,
  expect,
  expectUnchanged,
  expectUpgraded,
  leaveFor,
  makeItem,
  ownLink,
  ownVerification,
  quiet,
  test,
  visit,
} from '../support/routes.ts'
import { routesInOneBrowser } from '../support/routes-in-one-browser.ts'

const HOUR = 3_600_000

routesInOneBrowser()

test.describe('a magic link', () => {
  test('opened in another tab: both tabs have the account', async ({ openApp, site }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await makeItem(device)
    await enter(device.page, 'askForLink', email)
    const other = await device.newTab(site.mailTo(email).url)
    await device.waitForState({ authMode: 'external' }, { page: other })
    await expectUpgraded(device, site, email, { principal })
    expect(await device.principal({ page: other })).toBe(principal)
  })

  test("followed by the app's own page in another tab", async ({ openApp, site }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await makeItem(device)
    await enter(device.page, 'askForLink', email)
    const other = await device.newTab(ownLink(site, email))
    expect(await arrived(other)).toBe('upgraded')
    await expectUpgraded(device, site, email, { principal })
    expect(await device.principal({ page: other })).toBe(principal)
  })

  test('opened in a browser that was never here: it waits there for confirmation, and has nothing of this device', async ({
    openApp,
    device,
    site,
  }) => {
    const first = await openApp()
    const email = someEmail()
    const principal = await first.principal()
    await makeItem(first)
    await enter(first.page, 'askForLink', email)

    const second = await device()
    await visit(second.page, site.mailTo(email).url)
    await second.waitForState({ authMode: 'local-first', phase: 'pending' })
    const secondPrincipal = await second.principal()
    expect(await second.page.evaluate(() => routes.confirm())).toBe('upgraded')
    await expectUpgraded(second, site, email, { principal: secondPrincipal, items: 0 })

    await first.page.bringToFront()
    await visit(first.page, site.url)
    await expectUnchanged(first, site, { principal, phase: 'pending' })
  })

  test("opened in a browser that was here before: it waits there for the person's word, and then has that device's principal", async ({
    openApp,
    site,
  }) => {
    const [first, second] = [await openApp(), await openApp()]
    const email = someEmail()
    const [principal, secondPrincipal] = [await first.principal(), await second.principal()]
    await makeItem(first)
    await enter(first.page, 'askForLink', email)
    await visit(second.page, site.mailTo(email).url)
    await second.waitForState({
      authMode: 'local-first',
      phase: 'pending',
      upgrade: { account: { identifiers: [email] } },
    })
    await expectUnchanged(second, site, { principal: secondPrincipal, phase: 'pending', items: 0 })
    expect(await second.page.evaluate(() => routes.confirm())).toBe('upgraded')
    await expectUpgraded(second, site, email, { principal: secondPrincipal, items: 0 })

    await visit(first.page, site.url)
    await expectUnchanged(first, site, { principal, phase: 'pending' })
    await first.page.evaluate(() => routes.auth.cancelUpgrade())
    await expectUnchanged(first, site, { principal, phase: 'ready' })
  })

  test("for another person's account, opened or followed by the app's own page, waits for the user's confirmation and takes nothing", async ({
    openApp,
    site,
  }) => {
    const eve = await openApp()
    const victim = await openApp()
    const principal = await victim.principal()
    await makeItem(victim)
    for (const path of ['opened', 'own page'] as const) {
      const email = someEmail()
      await enter(eve.page, 'askForLink', email)
      await visit(victim.page, path === 'opened' ? site.mailTo(email).url : ownLink(site, email))
      if (path === 'own page') expect(await arrived(victim.page)).toBe('pending')
      await victim.waitForState({ phase: 'pending', upgrade: { account: { identifiers: [email] } } })
      await expectUnchanged(victim, site, { principal, phase: 'pending' })
      await victim.page.evaluate(() => routes.auth.cancelUpgrade())
      await expectUnchanged(victim, site, { principal, phase: 'ready' })
      expect(site.account(email)).toMatchObject({ principal: null })
      expect(await victim.page.evaluate(async () => (await routes.client.getSession()).data)).toBeNull()
    }
  })

  test('asked for before a reload goes on after it; opened after the hour that it waits, it is for the person to say', async ({
    openApp,
    site,
  }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await enter(device.page, 'askForLink', email)
    await arriving(device.page, () => device.page.reload())
    await device.waitForState({
      authMode: 'local-first',
      phase: 'pending',
      upgrade: { pending: { expected: email } },
    })
    await device.passTime(HOUR)
    await arriving(device.page, () => device.page.reload())
    await device.waitForState({ authMode: 'local-first', phase: 'ready' })
    await visit(device.page, site.mailTo(email).url)
    await device.waitForState({
      authMode: 'local-first',
      phase: 'pending',
      session: { principal },
      upgrade: { account: { identifiers: [email] } },
    })
    expect(site.account(email)).toMatchObject({ principal: null, principalOpen: 1 })
  })

  test('of a principal that went: an identity that changed meanwhile is not given the account unasked', async ({
    openApp,
    site,
  }) => {
    const device = await openApp()
    const email = someEmail()
    await enter(device.page, 'askForLink', email)
    await device.page.evaluate(async () => {
      await routes.auth.signOut({ forget: true })
      await routes.auth.ensureIdentity()
    })
    const principal = await device.principal()
    await visit(device.page, site.mailTo(email).url)
    await device.waitForState({ phase: 'pending', upgrade: { account: { identifiers: [email] } } })
    await expectUnchanged(device, site, { principal, phase: 'pending', items: 0 })
  })
})

test.describe('required verification', () => {
  test('with the link just opened: the mailbox is proven without the key, so the account has a principal of its own, and this device keeps its own', async ({
    openApp,
    site,
  }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await enter(device.page, 'signUp', email)
    expect(site.account(email)).toMatchObject({ principal, emailVerified: 0 })
    await visit(device.page, site.mailTo(email).url)
    await device.waitForState({ authMode: 'external', phase: 'ready' })
    const fresh = site.account(email)!.principal
    expect(fresh).not.toBe(principal)
    await expectUpgraded(device, site, email, { principal: fresh, items: 0 })
    expect(await device.page.evaluate(() => routes.auth.listIdentities())).toMatchObject([{ principal }])
  })

  test("by the app's own page in another tab", async ({ openApp, site }) => {
    const device = await openApp()
    const email = someEmail()
    const principal = await device.principal()
    await makeItem(device)
    await enter(device.page, 'signUp', email)
    const other = await device.newTab(ownVerification(site, email))
    expect(await arrived(other)).toBe('upgraded')
    await expectUpgraded(device, site, email, { principal })
  })

  test("by the app's own page in another browser: it asks there, and this device stays who it is", async ({
    openApp,
    site,
  }) => {
    const [first, second] = [await openApp(), await openApp()]
    const email = someEmail()
    const principal = await first.principal()
    await makeItem(first)
    await enter(first.page, 'signUp', email)
    await second.page.goto(ownVerification(site, email))
    expect(await arrived(second.page)).toBe('pending')
    await second.waitForState({ phase: 'pending', upgrade: { account: { identifiers: [email] } } })
    expect(await second.page.evaluate(() => routes.confirm())).toBe('switched')
    const fresh = site.account(email)!.principal
    expect(fresh).not.toBe(principal)
    await expectUpgraded(second, site, email, { principal: fresh, items: 0 })

    await visit(first.page, site.url)
    await expectUnchanged(first, site, { principal, phase: 'pending' })
  })
})

test.describe('a provider', () => {
  for (const choice of ['cancel', 'error'] as const) {
    test(`that answers with ${choice === 'cancel' ? "the person's no" : 'an error'} leaves everything as it was`, async ({
      openApp,
      site,
    }) => {
      const profile = newOpenIdProfile()
      const { email } = profile
      const device = await openApp()
      const principal = await device.principal()
      await makeItem(device)
      await leaveFor(device.page, 'openid')
      await answer(device.page, choice, profile)
      expect(device.page.url()).toBe(
        `${site.url}/failed?error=${choice === 'cancel' ? 'access_denied' : 'server_error'}`,
      )
      await expectUnchanged(device, site, { principal, phase: 'pending' })
      await device.page.evaluate(() => routes.auth.cancelUpgrade())
      await expectUnchanged(device, site, { principal, phase: 'ready' })
      expect(countUsers(site, email)).toBe(0)

      await leaveFor(device.page, 'openid')
      await answer(device.page, 'allow', profile)
      await expectUpgraded(device, site, email, { principal })
    })
  }

  test('that is left open until the state lapses: nothing happens, and the next attempt works', async ({
    openApp,
    site,
  }) => {
    const profile = newOpenIdProfile()
    const { email } = profile
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    await leaveFor(device.page, 'openid')
    site.change("UPDATE verification SET value = json_set(value, '$.expiresAt', 1) WHERE json_valid(value)")
    await answer(device.page, 'allow', profile)
    expect(new URL(device.page.url()).searchParams.get('error')).toBeTruthy()
    await expectUnchanged(device, site, { principal, phase: 'pending' })
    expect(countUsers(site, email)).toBe(0)

    await visit(device.page, site.url)
    await leaveFor(device.page, 'openid')
    await answer(device.page, 'allow', profile)
    await expectUpgraded(device, site, email, { principal })
  })

  test('that the person comes back from by the back button: the upgrade waits, over a reload too, and goes on', async ({
    openApp,
    site,
  }) => {
    const profile = newOpenIdProfile()
    const { email } = profile
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    await leaveFor(device.page, 'openid')
    await device.page.goBack()
    await device.waitForState({ phase: 'pending' })
    await arriving(device.page, () => device.page.reload())
    await expectUnchanged(device, site, { principal, phase: 'pending' })
    await leaveFor(device.page, 'openid')
    await answer(device.page, 'allow', profile)
    await expectUpgraded(device, site, email, { principal })
  })

  test('seen from another tab: it waits while the person is away, and has the account when they are back', async ({
    openApp,
    site,
  }) => {
    const profile = newOpenIdProfile()
    const { email } = profile
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    const other = await device.newTab(site.url)
    await leaveFor(device.page, 'openid')
    expect((await device.waitForState({ phase: 'pending' }, { page: other })).session?.principal).toBe(principal)
    await answer(device.page, 'allow', profile)
    await expectUpgraded(device, site, email, { principal })
    expect(
      (await device.waitForState({ authMode: 'external', phase: 'ready' }, { page: other })).session?.principal,
    ).toBe(principal)
  })

  test('asked by two tabs at once: one account, one principal, in both', async ({ openApp, site }) => {
    const profile = newOpenIdProfile()
    const { email } = profile
    const device = await openApp()
    const principal = await device.principal()
    await makeItem(device)
    const other = await device.newTab(site.url)
    await quiet(other)
    await leaveFor(device.page, 'openid')
    await leaveFor(other, 'openid')
    // Better Auth keeps the state of one start in a browser: the later one is good.
    await answer(device.page, 'allow', profile)
    await expectUnchanged(device, site, { principal, phase: 'pending' })
    await answer(other, 'allow', profile)
    await expectUpgraded(device, site, email, { principal })
    expect(
      (await device.waitForState({ authMode: 'external', phase: 'ready' }, { page: other })).session?.principal,
    ).toBe(principal)
    expect(countUsers(site, email)).toBe(1)
  })

  test("asked by one identity and answered to another: the account is the one's that asked, and waits for the user's confirmation", async ({
    openApp,
    site,
  }) => {
    const profile = newOpenIdProfile()
    const { email } = profile
    const device = await openApp()
    const asker = await device.principal()
    const other = await device.newTab(site.url)
    await quiet(other)
    await leaveFor(device.page, 'openid')
    await other.evaluate(async () => {
      await routes.auth.signOut({ forget: true })
      await routes.auth.ensureIdentity()
    })
    const principal = await device.principal({ page: other })
    expect(principal).not.toBe(asker)
    await answer(device.page, 'allow', profile)
    expect(site.account(email)).toMatchObject({ principal: asker })
    await device.waitForState({
      authMode: 'local-first',
      phase: 'pending',
      session: { principal },
      upgrade: { account: { principal: asker } },
    })
  })
})
