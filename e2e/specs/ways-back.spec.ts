import type { Page } from '@playwright/test'
import decodeQR from 'qr/decode.js'
import { expectAccessible } from '../support/accessible.ts'
import { openKeptAside } from '../support/conflicts.ts'
import { expect, expectNotes, expectSynced, newPerson, signUp, test, writeNote } from '../support/notes.ts'

async function backUp(page: Page): Promise<string[]> {
  await page.getByTestId('account-menu').click()
  await page.getByTestId('open-backup').click()
  const list = page.getByTestId('backup-sheet').locator('li')
  await expect(list).toHaveCount(24)
  const words = await list.allTextContents()
  await page.getByTestId('backup-written').click()
  const step = page.getByTestId('backup-test')
  for (const field of await step.locator('label').all()) {
    const place = Number(/\d+/.exec((await field.locator('span').textContent())!)![0])
    await field.locator('input').fill(words[place - 1]!)
  }
  await page.getByTestId('backup-check').click()
  await expect(page.getByTestId('backup-dialog')).toBeHidden()
  return words
}

/** The text of the code as a camera would read it. */
async function scan(page: Page): Promise<string> {
  const picture = await page.getByTestId('pairing-qr').screenshot()
  const { width, height, pixels } = await page.evaluate(
    async (bytes) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }))
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!
      context.drawImage(image, 0, 0)
      const { width, height, data } = context.getImageData(0, 0, image.width, image.height)
      return { width, height, pixels: [...data] }
    },
    [...picture],
  )
  return decodeQR({ width, height, data: Uint8Array.from(pixels) })
}

test('24 words bring the identity and its notes to a device that has none of its own (checklist 29: by 24 words)', async ({
  openNotes,
}) => {
  const first = await openNotes()
  await writeNote(first.page, 'On paper')
  await expectSynced(first.page)
  const words = await backUp(first.page)
  await expect(first.page.getByTestId('nudge')).toBeHidden()
  expect((await first.state()).storage).toMatchObject({ durability: 'recoverable', advice: 'none' })

  const second = await openNotes()
  const { page } = second
  await page.getByTestId('have-it-elsewhere').click()
  await page.getByTestId('restore-words').fill(words.join(' '))
  await page.getByTestId('restore-read').click()
  await expect(page.getByTestId('restore-preview')).toContainText('The server has its notes.')
  await page.getByTestId('restore-import').click()
  await expect(page.getByTestId('restore-dialog')).toBeHidden()
  expect(await second.principal()).toBe(await first.principal())
  await expectNotes(page, 'On paper')
})

test('notes that a restore sets aside are opened again, and then the restored ones', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'On paper')
  await expectSynced(first.page)
  const words = await backUp(first.page)

  const second = await openNotes()
  const { page } = second
  await writeNote(page, 'Of this device')
  await expectSynced(page)
  const [mine, restored] = [await second.principal(), await first.principal()]
  await page.getByTestId('account-menu').click()
  await page.getByTestId('open-restore').click()
  await page.getByTestId('restore-words').fill(words.join(' '))
  await page.getByTestId('restore-read').click()
  await expect(page.getByTestId('restore-preview')).toContainText('The notes of this device are set aside.')
  await page.getByTestId('restore-import').click()
  await expectNotes(page, 'On paper')

  for (const [principal, title] of [
    [mine, 'Of this device'],
    [restored, 'On paper'],
  ] as const) {
    // What was set aside is on this device, whether the server answers or not.
    await second.goOffline()
    await page.getByTestId('account-menu').click()
    await expect(page.getByTestId('kept-aside')).toContainText('1 note of this device, set aside')
    await page.keyboard.press('Escape')
    await openKeptAside(second)
    await expect(page.getByTestId('toast')).toContainText('These are the notes that were set aside.')
    expect(await second.principal()).toBe(principal)
    await expectNotes(page, title)
    await second.goOnline()
    await expectSynced(page)
  }
})

test('a code on one device and four digits from the other one bring the notes over', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'By camera')
  await expectSynced(first.page)
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-qr').locator('svg').waitFor()
  const link = await scan(first.page)

  const second = await openNotes()
  const { page } = second
  const before = await second.principal()
  await page.goto(link)
  await page.reload()
  await second.waitForState({ phase: 'ready' })
  expect(await second.principal()).toBe(before)
  await page.goto(link)
  await page.getByTestId('pairing-join-now').click()
  expect(page.url()).not.toContain('latchkey-pair')
  await approve(first.page, page)
  expect(await second.principal()).toBe(await first.principal())
  await expectNotes(page, 'By camera')
})

test('a pairing that is closed while the devices meet is over, and does not open again', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'By camera')
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-qr').locator('svg').waitFor()
  const link = await scan(first.page)

  const { page } = await openNotes()
  await page.goto(link)
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  await page.route('**/latchkey/rendezvous', async (route) => {
    await released
    await route.continue()
  })
  const meeting = page.waitForRequest('**/latchkey/rendezvous')
  await page.getByTestId('pairing-join-now').click()
  await meeting
  const ended = page.waitForResponse('**/latchkey/rendezvous/delete')
  await page.getByTestId('pairing-close').click()
  release()
  await ended
  await expect(page.getByTestId('pairing-dialog')).toBeHidden()
})

test('a device with notes that joins an account is asked what becomes of them', async ({ openNotes }) => {
  const first = await openNotes()
  await signUp(first, newPerson())
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-qr').locator('svg').waitFor()
  const link = await scan(first.page)

  const { page, waitForState } = await openNotes()
  await writeNote(page, 'Of this device')
  await expectSynced(page)
  await page.goto(link)
  await page.getByTestId('pairing-join-now').click()
  await approve(first.page, page)
  await waitForState({ phase: 'conflict' })
  await expect(page.getByTestId('conflict-dialog')).toBeVisible()
  await expect(page.getByTestId('toast')).not.toContainText('This device has the notes now.')
})

test('a pairing that cannot begin says why, and begins once it can', async ({ openNotes }) => {
  // The service worker has every part of the app, so it is not there yet.
  const { page, waitForState } = await openNotes({ serviceWorkers: 'block' })
  const add = async (): Promise<void> => {
    await page.getByTestId('account-menu').click()
    await page.getByTestId('add-device').click()
  }
  const toast = page.getByTestId('toast')
  await page.route('**/assets/pairing-*.js', (route) => route.abort(), { times: 1 })
  await add()
  await expect(toast).toContainText('This part of the app could not be loaded.')
  await page.getByTestId('toast-action').filter({ hasText: 'Reload' }).click()
  await waitForState({ phase: 'ready' })
  await page.route('**/latchkey/rendezvous**', (route) => route.abort())
  await add()
  await expect(toast).toContainText('The server cannot be reached.')
  await page.unroute('**/latchkey/rendezvous**')
  await add()
  await expect(page.getByTestId('pairing-qr').locator('svg')).toBeVisible()
})

/** Clears what the page has stored, as a person does in the settings of the browser. */
const clearSite = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    localStorage.clear()
    for (const { name } of await indexedDB.databases())
      await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name!)
        request.onsuccess = resolve
        request.onerror = reject
      })
  })

test('a passkey brings the notes back after the site data was cleared, and a backup is tested', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const { page } = device
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', { options: SYNCED_PASSKEYS })
  await writeNote(page, 'By passkey')
  await expectSynced(page)
  const before = await device.principal()

  await page.getByTestId('nudge-backup').click()
  await page.getByTestId('backup-passkey').click()
  await expectAccessible(page)
  await page.getByTestId('passkey-next').click()
  await page.getByTestId('passkey-next').filter({ hasText: 'Seal' }).click()
  await expect(page.getByTestId('passkey-next')).toHaveText('Test it now')
  await page.getByTestId('passkey-close').click()
  await page.getByTestId('nudge-backup').filter({ hasText: 'Test it now' }).click()
  await page.getByTestId('passkey-next').filter({ hasText: 'Test it now' }).click()
  await expect(page.getByTestId('toast')).toContainText('Backed up.')
  expect((await device.state()).storage.advice).toBe('none')

  await clearSite(page)
  await page.reload()
  await page.getByTestId('have-it-elsewhere').or(page.getByTestId('storage-restore')).first().click()
  await expectAccessible(page)
  await page.getByTestId('restore-passkey').click()
  await page.getByTestId('restore-import').click()
  await expectNotes(page, 'By passkey')
  expect(await device.principal()).toBe(before)
})

test('a passkey whose copy the server did not take leaves the words', async ({ openNotes }) => {
  const { page } = await openNotes()
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', { options: SYNCED_PASSKEYS })
  await writeNote(page, 'By words after all')
  await page.route('**/latchkey/backup', (route) => route.abort())
  await page.getByTestId('nudge-backup').click()
  await page.getByTestId('backup-passkey').click()
  await page.getByTestId('passkey-next').click()
  await page.getByTestId('passkey-next').filter({ hasText: 'Seal' }).click()
  await expect(page.getByTestId('passkey-error')).toContainText('cannot be reached')
  await page.getByTestId('passkey-close').click()
  await page.getByTestId('nudge-backup').filter({ hasText: 'Test it now' }).click()
  await page.getByTestId('passkey-use-words').click()
  await expect(page.getByTestId('backup-sheet').locator('li')).toHaveCount(24)
  await expect(page.getByTestId('passkey-dialog')).toBeHidden()
})

test('site data that is cleared while the page is open takes no note from it', async ({ openNotes }) => {
  const { page, goOffline, goOnline } = await openNotes()
  await writeNote(page, 'On the server')
  await expectSynced(page)
  await goOffline()
  await writeNote(page, 'Not sent')
  const status = page.getByTestId('note-status')
  await expect(status).toContainText('Saved on this device')
  await clearSite(page)
  await page.evaluate(() => dispatchEvent(new Event('focus')))
  await expect(page.getByTestId('storage-retry')).toHaveText('Save it again')
  await expect(status).toHaveText('Not saved – keep this tab open')
  await page.getByTestId('note-body').fill('Written meanwhile')
  await expectNotes(page, 'Not sent', 'On the server')

  await page.getByTestId('storage-retry').click()
  await expect(status).toContainText('Saved on this device')
  await goOnline()
  await expectSynced(page)
  await page.reload()
  await expectNotes(page, 'Not sent', 'On the server')
  await expect(page.getByTestId('note-body')).toHaveValue('Written meanwhile')
})

const SYNCED_PASSKEYS = {
  protocol: 'ctap2',
  ctap2Version: 'ctap2_1',
  transport: 'internal',
  hasPrf: true,
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
  defaultBackupEligibility: true,
  defaultBackupState: true,
} as const

/** Lets the page's camera see a picture. */
const showToCamera = (page: Page, picture: Buffer): Promise<void> =>
  page.evaluate(
    async (bytes) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }))
      const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 })
      const context = canvas.getContext('2d')!
      const draw = (): void => {
        context.fillStyle = '#888'
        context.fillRect(0, 0, 640, 480)
        context.drawImage(image, 140, 60, 360, 360)
        requestAnimationFrame(draw)
      }
      draw()
      navigator.mediaDevices.getUserMedia = async () => canvas.captureStream()
    },
    [...picture],
  )

test('the new device scans the code itself, or shows one for the other to scan', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'By camera')
  await expectSynced(first.page)
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-qr').locator('svg').waitFor()
  await expectAccessible(first.page)
  const second = await openNotes()
  await showToCamera(second.page, await first.page.getByTestId('pairing-qr').screenshot())
  await second.page.getByTestId('have-it-elsewhere').click()
  await second.page.getByTestId('restore-scan').click()
  await second.page.getByTestId('pairing-join-now').click()
  await approve(first.page, second.page)
  expect(await second.principal()).toBe(await first.principal())

  const third = await openNotes()
  await third.page.getByTestId('have-it-elsewhere').click()
  await third.page.getByTestId('restore-code').click()
  await third.page.getByTestId('pairing-qr').locator('svg').waitFor()
  await showToCamera(first.page, await third.page.getByTestId('pairing-qr').screenshot())
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-scan-instead').click()
  await approve(first.page, third.page)
  await expectNotes(third.page, 'By camera')
})

/** The digits of the new device are typed on the other one. */
async function approve(giver: Page, newcomer: Page): Promise<void> {
  await expect(newcomer.getByTestId('pairing-check')).toHaveText(/^\d{4}$/)
  await giver.getByTestId('pairing-typed').fill((await newcomer.getByTestId('pairing-check').textContent())!)
  await giver.getByTestId('pairing-approve').click()
  await newcomer.getByTestId('pairing-accept').click()
  await expect(newcomer.getByTestId('pairing-dialog')).toBeHidden()
  await expect(giver.getByTestId('pairing-dialog')).toBeHidden()
}
