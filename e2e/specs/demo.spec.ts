import type { Page } from '@playwright/test'
import { conflicted, decide, openKeptAside } from '../support/conflicts.ts'
import { expectAccessible } from '../support/accessible.ts'
import {
  enter,
  expect,
  expectNotes,
  expectSynced,
  newPerson,
  signIn,
  signUp,
  test,
  writeNote,
} from '../support/notes.ts'

const toast = (page: Page) => page.getByTestId('toast')

test('a sign-up shows the same identity before and after', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Mine')
  await expectSynced(page)
  await expect(page.getByTestId('sync-status')).toHaveText('Saved to the server for this device')
  const code = (await device.principal())!.slice(0, 8)
  await signUp(device, newPerson())
  await expect(toast(page)).toContainText('Same identity before and after.')
  await expect(toast(page).locator('code')).toHaveText(`${code} → ${code}`)
  await expectSynced(page)
  await expect(page.getByTestId('sync-status')).toHaveText('Saved to your account')
  await expectAccessible(page)
})

test('an adoption can be undone from its message, by keyboard', async ({ openNotes }) => {
  const { second } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'adopt')
  await page.getByTestId('toast-action').press('Enter')
  await page.getByTestId('undo-anyway').press('Enter')
  await expect(toast(page)).toContainText('Undone. The note is no longer in the account.')
  await expectNotes(page, 'In the account')
})

test('opening notes that were set aside asks before it signs out, and offers the way back', async ({ openNotes }) => {
  const { ada, second, account } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'switch')
  await page.getByTestId('account-menu').click()
  await page.getByTestId('kept-aside').getByRole('button').click()
  await expect(page.getByTestId('open-aside-words')).toContainText(ada.email)
  await expectAccessible(page)
  await page.getByTestId('open-aside-stay').click()
  expect(await second.principal()).toBe(account)
  await openKeptAside(second)
  await page
    .getByTestId('toast-action')
    .filter({ hasText: `Back to ${ada.email}` })
    .click()
  await expect(page.getByTestId('auth-email')).toHaveValue(ada.email)
})

test('after the site data was cleared, signing in brings the account back', async ({ openNotes }) => {
  const ada = newPerson()
  const first = await openNotes()
  await writeNote(first.page, 'In the account')
  await signUp(first, ada)
  await expectSynced(first.page)
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Of this device')
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('latchkey:latchkey')
        request.onsuccess = resolve
        request.onerror = reject
      }),
  )
  await page.reload()
  await expect(page.getByTestId('storage-restore')).toBeVisible()
  await expect(page.getByTestId('open-auth')).toBeVisible()
  // The person looks at another window, and the network comes back: neither starts over in their place.
  await page.evaluate(() => ['focus', 'online'].forEach((type) => dispatchEvent(new Event(type))))
  await page.getByTestId('storage-sign-in').click()
  await page.getByTestId('auth-email').fill(ada.email)
  await page.getByTestId('auth-password').fill(ada.password)
  await page.getByTestId('auth-submit').click()
  await device.waitForState({ authMode: 'external' })
  await expect(toast(page).locator('p')).toHaveText('Signed in.')
  await expectNotes(page, 'In the account')
})

test('Escape during a request does not hide its outcome', async ({ openNotes }) => {
  const ada = newPerson()
  await signUp(await openNotes(), ada)
  const { page } = await openNotes()
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  await page.route('**/sign-up/email', async (route) => {
    await held
    await route.continue()
  })
  await enter(page, 'sign-up', ada)
  await expect(page.getByTestId('auth-dialog')).toHaveAttribute('data-busy', '')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  release()
  // The browser may close the dialog at the second Escape.
  await expect(page.getByTestId('auth-error').or(toast(page)).filter({ hasText: 'already an account' })).toBeVisible()
})

test('the field that is wrong is marked and has the focus', async ({ openNotes }) => {
  const ada = newPerson()
  await signUp(await openNotes(), ada)
  const { page } = await openNotes()
  await enter(page, 'sign-up', ada)
  await expect(page.getByTestId('auth-error')).toContainText('already an account')
  await expect(page.getByTestId('auth-email')).toHaveAttribute('aria-invalid', 'true')
  await expect(page.getByTestId('auth-email')).toBeFocused()
})

test('two windows that change the title and the text of a note keep both', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'Before')
  const other = await first.newTab('/')
  await other.getByTestId('note-item').click()
  await first.page.getByTestId('note-body').pressSequentially('A text that is typed here. ')
  await other.getByTestId('note-title').fill('Renamed there')
  await first.page.getByTestId('note-body').pressSequentially('And more of it.')
  for (const page of [first.page, other]) {
    await expect(page.getByTestId('note-title')).toHaveValue('Renamed there')
    await expect(page.getByTestId('note-body')).toHaveValue('A text that is typed here. And more of it.')
  }
})

test('two devices that changed the same text offline keep both: the later one in a copy', async ({ openNotes }) => {
  const ada = newPerson()
  const first = await openNotes()
  await writeNote(first.page, 'Plan')
  await signUp(first, ada)
  await expectSynced(first.page)
  const second = await openNotes()
  await signIn(second, ada)
  await second.page.getByTestId('note-item').click()
  await second.goOffline()
  await second.page.getByTestId('note-body').fill('From the second')
  await first.page.getByTestId('note-body').fill('From the first')
  await expectSynced(first.page)
  await second.goOnline()
  await expect(second.page.getByTestId('note-item')).toHaveCount(2)
  await expectSynced(second.page)
  // The first one sees it without a reload.
  await expect(first.page.getByTestId('note-item')).toHaveCount(2)
  await expect(first.page.getByTestId('note-body')).toHaveValue('From the first')
  await first.page.getByTestId('note-item').filter({ hasText: 'conflict copy' }).click()
  await expect(first.page.getByTestId('note-body')).toHaveValue('From the second')
})

test('a letter with a link signs in on a second device, and a new password is set by another one', async ({
  openNotes,
}) => {
  const ada = newPerson()
  const first = await openNotes()
  await writeNote(first.page, 'By letter')
  await signUp(first, ada)
  await expectSynced(first.page)
  // Confirmed in the browser that signed up: the account is recoverable.
  await first.page.getByTestId('verify-mailbox').click()
  await expectAccessible(first.page)
  await first.page.getByTestId('mailbox-letters').getByRole('link', { name: 'Confirm your address' }).click()
  await expect.poll(async () => (await first.state()).storage.durability).toBe('recoverable')
  await expect(first.page.getByTestId('verify-notice')).toBeHidden()

  const second = await openNotes()
  const { page } = second
  await page.getByTestId('open-auth').click()
  await page.getByTestId('auth-email').fill(ada.email)
  await page.getByTestId('auth-link').click()
  await page.getByTestId('toast-action').click()
  await page.getByTestId('mailbox-letters').getByRole('link', { name: 'Sign in' }).click()
  await second.waitForState({ authMode: 'external' })
  await expectNotes(page, 'By letter')

  const third = await openNotes()
  await third.page.getByTestId('open-auth').click()
  await third.page.getByTestId('auth-email').fill(ada.email)
  await third.page.getByTestId('auth-forgot').click()
  await third.page.getByTestId('toast-action').click()
  await third.page.getByTestId('mailbox-letters').getByRole('link', { name: 'Choose a new password' }).click()
  await expect(third.page.getByTestId('reset-email')).toHaveValue(ada.email)
  await third.page.getByTestId('reset-password').fill('another horse battery')
  // The token works once: only the sign-in is tried again.
  await third.page.route('**/sign-in/email', (route) => route.abort(), { times: 1 })
  await third.page.getByTestId('reset-submit').click()
  await expect(third.page.getByTestId('reset-error')).toContainText('The new password is set, but')
  await third.page.getByTestId('reset-submit').click()
  await third.waitForState({ authMode: 'external' })
  await expectNotes(third.page, 'By letter')
})

test('without a network, no field of the sign-in is marked as wrong', async ({ openNotes }) => {
  const { page } = await openNotes()
  await page.route('**/sign-in/email', (route) => route.abort())
  await enter(page, 'sign-in', newPerson())
  await expect(page.getByTestId('auth-error')).toContainText('The server cannot be reached.')
  for (const field of ['auth-email', 'auth-password'])
    await expect(page.getByTestId(field)).toHaveAttribute('aria-invalid', 'false')
  await expect(page.getByTestId('auth-submit')).toBeFocused()
})

test('a link for a new password brings no address along: the user types it', async ({ openNotes }) => {
  const { page } = await openNotes()
  await page.goto('/#reset=x&email=eve%40example.com')
  await expect(page.getByTestId('reset-dialog')).toBeVisible()
  await expect(page.getByTestId('reset-email')).toHaveValue('')
  await expect(page.getByTestId('reset-email')).toBeFocused()
  await page.getByTestId('reset-submit').click()
  await expect(page.getByTestId('reset-email')).toHaveAttribute('aria-invalid', 'true')
  await expectAccessible(page)
})

test('a letter opens where a note is open', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Stays open')
  await page.getByTestId('open-auth').click()
  await page.getByTestId('auth-email').fill(newPerson().email)
  await page.getByTestId('auth-link').click()
  await page.getByTestId('toast-action').click()
  await page.getByTestId('mailbox-letters').getByRole('link', { name: 'Sign in' }).click()
  await device.waitForState({ authMode: 'external', phase: 'ready' })
  await expect(toast(page)).toContainText('Same identity before and after.')
  await expect(page.getByTestId('note-title')).toHaveValue('Stays open')
  expect(page.url()).not.toContain('sign-in')
})

test('what arrives after the sign-out is not stored on this device', async ({ openNotes }) => {
  const ada = newPerson()
  const first = await openNotes()
  await writeNote(first.page, 'Confidential')
  await signUp(first, ada)
  await expectSynced(first.page)
  const second = await openNotes()
  const { page } = second
  let arrive = (): void => {}
  let release = (): void => {}
  const [arrived, held] = [
    new Promise<void>((resolve) => (arrive = resolve)),
    new Promise<void>((resolve) => (release = resolve)),
  ]
  await page.route('**/api/notes?since=0', async (route) => {
    const response = await route.fetch()
    if ((await response.text()).includes('Confidential')) {
      arrive()
      await held
    }
    await route.fulfill({ response })
  })
  await signIn(second, ada)
  await arrived
  await page.getByTestId('account-menu').click()
  await page.getByTestId('sign-out').click()
  await second.waitForState({ phase: 'signing-out' })
  // The sign-out waits no longer for the sync.
  await expect(async () => {
    await second.passTime(3000)
    expect(await second.state()).toMatchObject({ authMode: 'anonymous', phase: 'ready' })
  }).toPass()
  release()
  await page.evaluate(() => navigator.locks.request('latchkey-notes:sync', () => {}))
  await expect(second).toHoldNothingOf('Confidential')
})

test('devices are renamed by keyboard, and the dialog says so and keeps the focus', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await signUp(device, newPerson())
  await page.getByTestId('account-menu').click()
  await page.getByTestId('open-devices').click()
  const name = page.getByTestId('devices-list').getByRole('textbox')
  await name.fill('Laptop')
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('devices-status')).toHaveText('Renamed.')
  await expect(page.getByRole('textbox', { name: 'Name of Laptop' })).toBeFocused()
  await expectAccessible(page)
})

test('on a small screen, notices leave room for the list', async ({ openNotes }) => {
  const { page } = await openNotes({ viewport: { width: 375, height: 553 } })
  await page.getByTestId('new-note').click()
  await page.getByTestId('note-title').fill('Visible')
  await page.getByTestId('back').click()
  await expect(page.getByTestId('nudge')).toBeVisible()
  await expect(page.getByTestId('note-item')).toBeInViewport({ ratio: 1 })
  await page.setViewportSize({ width: 640, height: 320 })
  await page.getByTestId('nudge-signup').scrollIntoViewIfNeeded()
  await expect(page.getByTestId('nudge-signup')).toBeInViewport({ ratio: 1 })
})

test('the guide leads through writing, no network and an account', async ({ openNotes }) => {
  const { page } = await openNotes({ viewport: { width: 360, height: 740 } })
  const done = page.getByTestId('guide').locator('[data-done]')
  await expect(done).toHaveCount(0)
  await expectAccessible(page)
  await page.getByTestId('guide-write').click()
  await page.getByTestId('note-title').fill('First')
  await page.getByTestId('back').click()
  await expect(done).toHaveCount(1)
  await page.getByTestId('guide-offline').click()
  await expect(page.getByTestId('sync-status')).toHaveText('Offline')
  await page.getByTestId('guide-offline').click()
  await expect(toast(page)).toContainText('Back online. Everything is synced.')
  await expectSynced(page)
  await page.getByTestId('guide-account').click()
  await expect(page.getByTestId('auth-dialog')).toHaveAttribute('data-intent', 'sign-up')
  await expectAccessible(page)
})
