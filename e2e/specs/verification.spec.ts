import { type Device, expect } from 'latchkey/playwright'
import { someEmail } from '../support/account.ts'
import { arrived, enter, makeItem, ownVerification, test, visit } from '../support/routes.ts'
import type { RoutesServer } from '../support/routes-server.ts'

test.use({ requireVerification: false })

interface SignedUp {
  readonly email: string
  readonly principal: string | null
}

/** Signs up in the first visit, without proving the address. */
async function signUp(device: Device): Promise<SignedUp> {
  const email = someEmail()
  const principal = await device.principal()
  await makeItem(device)
  expect(await enter(device.page, 'signUp', email)).toBe('upgraded')
  return { email, principal }
}

/** The device is signed in with the principal that it had before, and the account has proven its address. */
async function expectKept(device: Device, site: RoutesServer, { email, principal }: SignedUp): Promise<void> {
  const state = await device.waitForState({ authMode: 'external', phase: 'ready' })
  expect(state.session).toMatchObject({ principal, principals: [principal] })
  expect(state).not.toHaveProperty('error')
  expect(site.account(email)).toMatchObject({ principal, emailVerified: 1 })
  expect(await device.page.evaluate(() => routes.ownItems())).toEqual({ principal, items: 1 })
}

test('opening the mailed link in the tab of the sign-up keeps the principal', async ({ openApp, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  await visit(device.page, site.mailTo(account.email).url)
  await expectKept(device, site, account)
  await expect.poll(async () => (await device.state()).storage.durability).toBe('recoverable')
})

test('opening the mailed link in another tab keeps the principal in both', async ({ openApp, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  const other = await device.newTab(site.mailTo(account.email).url)
  await device.waitForState({ authMode: 'external' }, { page: other })
  expect(await device.principal({ page: other })).toBe(account.principal)
  await expectKept(device, site, account)
})

test("following it in the app's own page, inside upgrade and after a reload, keeps the principal", async ({
  openApp,
  site,
}) => {
  const device = await openApp()
  const account = await signUp(device)
  await visit(device.page, site.url)
  await device.page.goto(ownVerification(site, account.email))
  expect(await arrived(device.page)).toBe('upgraded')
  await expectKept(device, site, account)
})

/** Has a code sent, and returns it. */
async function askForCode(
  { page }: Device,
  site: RoutesServer,
  email: string,
  type: 'sign-in' | 'email-verification',
): Promise<string> {
  await page.evaluate((wanted) => routes.client.emailOtp.sendVerificationOtp(wanted), { email, type })
  return site.mailTo(email).otp
}

test('typing the mailed code on a page of the app keeps the principal', async ({ openApp, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  const { email } = account
  const otp = await askForCode(device, site, email, 'email-verification')
  await device.page.evaluate((typed) => routes.client.emailOtp.verifyEmail(typed), { email, otp })
  await visit(device.page, site.url)
  await expectKept(device, site, account)
  await expect.poll(async () => (await device.state()).storage.durability).toBe('recoverable')
})

test('typing the mailed code inside upgrade keeps the principal', async ({ openApp, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  const otp = await askForCode(device, site, account.email, 'sign-in')
  expect(await enter(device.page, 'typeCode', `${account.email} ${otp}`)).toBe('upgraded')
  await expectKept(device, site, account)
})

test('opening it after signing out and in again with the password keeps the principal', async ({ openApp, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  await device.page.evaluate(() => routes.auth.signOut())
  expect(await enter(device.page, 'signIn', account.email)).toBe('switched')
  await visit(device.page, site.mailTo(account.email).url)
  await expectKept(device, site, account)
})

test('a mail program that fetches the link loses nothing', async ({ openApp, device: newDevice, site }) => {
  const device = await openApp()
  const account = await signUp(device)
  const mailProgram = await newDevice()
  expect((await mailProgram.context.request.get(site.mailTo(account.email).url)).ok()).toBe(true)
  await visit(device.page, site.url)
  await expectKept(device, site, account)
})

test('a browser of a mail program that signs in by the link: the device keeps its rows, as those of an alias', async ({
  openApp,
  device: newDevice,
  site,
}) => {
  const device = await openApp()
  const { email, principal } = await signUp(device)
  const mailBrowser = await newDevice()
  await visit(mailBrowser.page, site.mailTo(email).url)
  await mailBrowser.waitForState({ phase: 'pending' })
  expect(await mailBrowser.page.evaluate(() => routes.confirm())).toBe('switched')
  const fresh = site.account(email)!.principal
  expect(fresh).not.toBe(principal)

  await visit(device.page, site.url)
  await expect.poll(async () => (await device.state()).session?.principals).toEqual([fresh, principal])
  const state = await device.state()
  expect(state).toMatchObject({ authMode: 'external', session: { principal: fresh } })
  expect(state).not.toHaveProperty('error')
  expect(await device.page.evaluate(() => routes.ownItems())).toEqual({ principal: fresh, items: 1 })
})
