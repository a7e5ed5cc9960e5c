import type { Page, Route } from '@playwright/test'
import { type Device, type DeviceOptions, expect, test } from 'latchkey/playwright'

const password = 'correct horse battery'
let count = 0
let devices = 0
const newAddress = () => `ada-${Date.now()}-${++count}@example.com`

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('New note').fill(text)
  await page.getByRole('button', { name: 'Add' }).click()
  await expect(page.getByRole('listitem').filter({ hasText: text })).toBeVisible()
}

async function enter(page: Page, email: string, name: 'Create account' | 'Sign in', word = password): Promise<void> {
  const dialog = page.getByRole('dialog')
  if (!(await dialog.isVisible())) await page.getByRole('button', { name: 'Keep your notes' }).click()
  const change = dialog.getByRole('button', { name: name === 'Sign in' ? 'I have an account' : 'I am new here' })
  if (await change.isVisible()) await change.click()
  await dialog.getByLabel('E-mail').fill(email)
  await dialog.getByLabel('Password').fill(word)
  await dialog.getByRole('button', { name }).click()
}

/** Opens the app on a new device with an address of its own: the server limits the sign-ups of one address. */
async function open(device: (options: DeviceOptions) => Promise<Device>): Promise<Device> {
  const opened = await device({ extraHTTPHeaders: { 'x-forwarded-for': `10.0.0.${++devices}` } })
  await opened.page.goto('/')
  await opened.waitForState({ phase: 'ready' })
  return opened
}

test('a note is written offline, and is the same user’s after the sign-up and on a second device', async ({
  device,
}) => {
  const phone = await open(device)
  const { page } = phone
  await expect(page.getByRole('dialog')).toBeHidden()
  const principal = await phone.principal()
  await expect(page.getByText('Saved for this device')).toBeVisible()

  await phone.goOffline()
  await write(page, 'Written in the underground')
  await expect(page.getByText('Offline: saved on this device')).toBeVisible()
  await phone.goOnline()
  await expect(page.getByText('Saved for this device')).toBeVisible()

  const email = newAddress()
  await enter(page, email, 'Create account')
  await expect(page.getByText('You are the same as before')).toBeVisible()
  expect(await phone.principal()).toBe(principal)
  await expect(page.getByText('Saved in your account')).toBeVisible()

  const laptop = await open(device)
  await enter(laptop.page, email, 'Sign in')
  await expect(laptop.page.getByText('Welcome back')).toBeVisible()
  await expect(laptop.page.getByText('Written in the underground')).toBeVisible()
  expect(await laptop.principal()).toBe(principal)
})

test('a note of any length and more notes than a request carries reach the server', async ({ device }) => {
  const phone = await open(device)
  await phone.page.getByLabel('New note').fill('x'.repeat(10_001))
  await phone.page.getByRole('button', { name: 'Add' }).click()
  await expect(phone.page.getByRole('listitem')).toHaveText(/x{10000}/)
  await expect(phone.page.getByText('Saved for this device')).toBeVisible()

  await phone.page.evaluate(
    async (owner) => {
      const note = { owner, text: 'y'.repeat(1000), updatedAt: Date.now(), isDeleted: false, isPending: true }
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('keyval-store')
        request.onsuccess = () => resolve(request.result)
      })
      const store = database.transaction('keyval', 'readwrite').objectStore('keyval')
      const many = Array.from({ length: 1001 }, () => ({ ...note, id: crypto.randomUUID() }))
      await new Promise((resolve) => (store.put(many, 'notes').onsuccess = resolve))
      database.close()
    },
    await phone.principal(),
  )
  await phone.page.reload()
  await expect(phone.page.getByRole('listitem')).toHaveCount(1002)
  await expect(phone.page.getByText('Saved for this device')).toBeVisible()
})

test('the app starts without a network', async ({ device }) => {
  const { page, goOffline } = await open(device)
  await write(page, 'Kept')
  await expect(page.getByText('Saved for this device')).toBeVisible()
  await page.waitForFunction(async () => {
    const loaded = performance.getEntriesByType('resource').map(({ name }) => name)
    const own = loaded.filter((name) => name.startsWith(location.origin) && !name.includes('/api/'))
    const kept = await Promise.all(['/', ...own].map((name) => caches.match(name)))
    return navigator.serviceWorker.controller !== null && kept.every(Boolean)
  })
  await goOffline()
  await page.reload()
  await expect(page.getByText('Kept')).toBeVisible()
})

test('a full disk does not keep the server from answering', async ({ device }) => {
  const { page } = await open(device)
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
  const [worker] = page.context().serviceWorkers()
  await worker!.evaluate(() => {
    Cache.prototype.put = () => Promise.reject(new DOMException('The disk is full.', 'QuotaExceededError'))
  })
  expect(await page.evaluate(async () => (await fetch('/?fresh')).status)).toBe(200)
})

test('a device with notes is asked before it joins an account that has notes', async ({ device }) => {
  const email = newAddress()
  const phone = await open(device)
  await write(phone.page, 'From the phone')
  await enter(phone.page, email, 'Create account')
  await expect(phone.page.getByText('Saved in your account')).toBeVisible()

  const laptop = await open(device)
  await write(laptop.page, 'From the laptop')
  await enter(laptop.page, email, 'Sign in')
  const dialog = laptop.page.getByRole('dialog')
  await expect(dialog.getByText('This device has 1 note, your account has 1 note.')).toBeVisible()
  await dialog.getByRole('button', { name: 'Keep both' }).click()
  await expect(laptop.page.getByText('Your account has the notes of both now.')).toBeVisible()
  await expect(laptop.page.getByText('From the phone')).toBeVisible()
  await expect(laptop.page.getByText('From the laptop')).toBeVisible()
})

test('a refused sign-up says why and changes nothing', async ({ device }) => {
  const email = newAddress()
  const phone = await open(device)
  await enter(phone.page, email, 'Create account')
  await expect(phone.page.getByText('Saved in your account')).toBeVisible()

  const laptop = await open(device)
  const principal = await laptop.principal()
  await enter(laptop.page, email, 'Create account')
  await expect(laptop.page.getByText('There is an account with this e-mail address')).toBeVisible()
  await enter(laptop.page, email, 'Sign in', 'another password')
  await expect(laptop.page.getByText('the password is wrong')).toBeVisible()
  await laptop.goOffline()
  await enter(laptop.page, email, 'Sign in')
  await expect(laptop.page.getByText('You are offline')).toBeVisible()
  expect(await laptop.principal()).toBe(principal)
})

test('a sign-out leaves nothing of the account on the device', async ({ device }) => {
  const { page } = await open(device)
  await write(page, 'Only mine')
  await enter(page, newAddress(), 'Create account')
  await expect(page.getByText('Saved in your account')).toBeVisible()
  await page.getByRole('button', { name: 'Your account' }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByText('Signed out')).toBeVisible()
  await expect(page.getByText('Only mine')).toBeHidden()
})

test('an answer that arrives after a sign-out in another tab does not bring the notes back', async ({ device }) => {
  const phone = await open(device)
  const { page } = phone
  await write(page, 'Only mine')
  await enter(page, newAddress(), 'Create account')
  await expect(page.getByText('Saved in your account')).toBeVisible()
  const other = await phone.newTab('/')
  await expect(other.getByText('Saved in your account')).toBeVisible()

  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const answered = new Promise<number>((resolve) => {
    const hold = async (route: Route) => {
      const response = await route.fetch()
      resolve(response.status())
      await released
      await route.fulfill({ response })
    }
    void page
      .route('**/api/notes', hold, { times: 1 })
      .then(() => page.evaluate(() => dispatchEvent(new Event('online'))))
  })
  expect(await answered).toBe(200)
  await other.getByRole('button', { name: 'Your account' }).click()
  await other.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByText('Signed out')).toBeVisible()
  await other.close()

  // The page tells its other tabs when it has taken the answer in.
  const taken = await page.evaluateHandle(() => {
    const channel = new BroadcastChannel('notes')
    return { message: new Promise((resolve) => (channel.onmessage = () => resolve(true))) }
  })
  release()
  expect(await taken.evaluate(({ message }) => message)).toBe(true)
  await expect(phone).toHoldNothingOf('Only mine')
})

test('a device whose identity was cleared does not start over by writing a note', async ({ device }) => {
  const phone = await open(device)
  const { page } = phone
  await write(page, 'Before')
  await expect(page.getByText('Saved for this device')).toBeVisible()
  await phone.evict()
  await page.reload()
  await phone.waitForState({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
  await page.getByLabel('New note').fill('Whose is it?')
  await page.getByRole('button', { name: 'Add' }).click()
  await expect(page.getByText('(KEYSTORE_VANISHED)')).toBeVisible()
  expect(await phone.principal()).toBeNull()
  await page.getByRole('button', { name: 'Start fresh' }).click()
  await phone.waitForState({ authMode: 'local-first' })
  await write(page, 'After')
})
