import type { Page } from '@playwright/test'
import { adoptedNotes, conflicted, decide, dialogOf, twoDevices } from '../support/conflicts.ts'
import {
  type Person,
  enter,
  expect,
  expectNotes,
  expectSynced,
  newPerson,
  readyForOffline,
  signIn,
  signOut,
  signUp,
  test,
  writeNote,
} from '../support/notes.ts'

test('the dialog shows who and what is on each side, and nothing has changed yet (checklist 27: with preview)', async ({
  openNotes,
}) => {
  const { ada, second, here } = await conflicted(openNotes)
  const { page } = second
  await expect(page.getByTestId('conflict-words')).toContainText(ada.email)
  await expect(page.getByTestId('conflict-here')).toHaveText('1 note: “On the second device”')
  await expect(page.getByTestId('conflict-account')).toHaveText(ada.email)
  await expect(page.getByTestId('conflict-there')).toHaveText('1 note: “In the account”')
  expect(await second.state()).toMatchObject({ authMode: 'local-first', session: { principal: here } })
})

test('keep both: the account has the notes of both, on every device (checklist 27: adopt)', async ({ openNotes }) => {
  const { ada, first, second, here, account } = await conflicted(openNotes)
  await decide(second, 'adopt')
  expect((await second.state()).session?.principals).toEqual([account, here])
  await expectNotes(second.page, ...adoptedNotes)
  await expectSynced(second.page)
  await first.page.reload()
  await expectNotes(first.page, ...adoptedNotes)
  const third = await openNotes()
  await signIn(third, ada)
  await expectNotes(third.page, ...adoptedNotes)
})

test('a note that was never sent comes along, and one of the other device can be changed', async ({ openNotes }) => {
  const { ada, first, second } = await twoDevices(openNotes)
  await readyForOffline(second.page)
  await second.goOffline()
  await writeNote(second.page, 'Never sent')
  await second.goOnline()
  await second.page.route('**/api/notes/*', (route) =>
    route.request().method() === 'PUT' ? route.abort() : route.continue(),
  )
  await enter(second.page, 'sign-in', ada)
  await decide(second, 'adopt')
  await second.page.unroute('**/api/notes/*')
  await second.page.reload()
  await expectSynced(second.page)
  await first.page.reload()
  await first.page.getByTestId('note-item').filter({ hasText: 'On the second device' }).click()
  await first.page.getByTestId('note-title').fill('Changed on the first')
  await expectSynced(first.page)
  await second.page.reload()
  await expectNotes(second.page, 'Changed on the first', 'Never sent', 'In the account')
})

test('keep aside: the account alone; the account area opens the others again (checklist 27: switch)', async ({
  openNotes,
}) => {
  const { second, here, account } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'switch')
  expect((await second.state()).session?.principals).toEqual([account])
  await expectNotes(page, 'In the account')
  await expectSynced(page)

  await page.getByTestId('account-menu').click()
  await expect(page.getByTestId('kept-aside')).toContainText('1 note of this device, set aside')
  await page.getByTestId('kept-aside').getByRole('button', { name: 'open' }).click()
  await page.getByTestId('open-aside-anyway').click()
  expect((await second.waitForState({ authMode: 'local-first' })).session?.principal).toBe(here)
  await expectNotes(page, 'On the second device')
})

test('what was put aside is not offered to the next person', async ({ openNotes }) => {
  const { second } = await conflicted(openNotes)
  await decide(second, 'switch')
  await signOut(second)
  await second.page.getByTestId('start-writing').click()
  await second.waitForState({ authMode: 'local-first' })
  await signUp(second, newPerson())
  await second.page.getByTestId('account-menu').click()
  await expect(second.page.getByTestId('sign-out')).toBeVisible()
  await expect(second.page.getByTestId('kept-aside')).toBeHidden()
})

test('stay: signed out of the account again, also over a reload (checklist 27: cancel)', async ({ openNotes }) => {
  const { second, here } = await conflicted(openNotes)
  await decide(second, 'cancel')
  await second.page.reload()
  expect(await second.waitForState({ phase: 'ready' })).toMatchObject({
    authMode: 'local-first',
    session: { principal: here },
  })
  await expectNotes(second.page, 'On the second device')
  expect((await second.context.cookies()).filter(({ name }) => name.includes('session'))).toEqual([])
})

test('deleting needs a second step, and the focus is on the way back from it (checklist 27: discard)', async ({
  openNotes,
}) => {
  const { second, account } = await conflicted(openNotes)
  const { page } = second
  await expect(page.getByTestId('conflict-discard')).toBeHidden()
  await page.getByTestId('conflict-ask-discard').click()
  await expect(page.getByTestId('conflict-here')).toHaveText('1 note: “On the second device”')
  await expect(page.getByTestId('conflict-keep')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('conflict-adopt')).toBeVisible()
  await page.getByTestId('conflict-ask-discard').click()
  await page.getByTestId('conflict-discard').click()
  expect((await second.waitForState({ authMode: 'external', phase: 'ready' })).session?.principals).toEqual([account])
  await expectNotes(page, 'In the account')
  await expectSynced(page)
  await expect.poll(() => page.evaluate(notesOnDisk)).toEqual(['In the account'])
  await page.getByTestId('account-menu').click()
  await expect(page.getByTestId('sign-out')).toBeVisible()
  await expect(page.getByTestId('kept-aside')).toBeHidden()
})

test('Escape and a stray Enter decide nothing; a reload asks again, and writing goes on meanwhile', async ({
  openNotes,
}) => {
  const { second, here } = await conflicted(openNotes)
  const { page } = second
  await expect(page.getByTestId('conflict-heading')).toBeFocused()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
  expect(await second.state()).toMatchObject({ phase: 'conflict', session: { principal: here } })
  await writeNote(page, 'Meanwhile')
  await expectSynced(page)

  await page.reload()
  await expect(dialogOf(page)).toBeVisible()
  await expect(page.getByTestId('conflict-here')).toHaveText('2 notes: “Meanwhile”, “On the second device”')
  await page.keyboard.press('Escape')
  await page.getByTestId('conflict-decide').click()
  await decide(second, 'adopt')
  await expectNotes(page, 'Meanwhile', ...adoptedNotes)
})

test('by keyboard alone: heading, choices in order, and words that say what each does', async ({ openNotes }) => {
  const { second } = await conflicted(openNotes)
  const { page } = second
  await expect(page.getByRole('dialog', { name: 'You have notes here and in your account' })).toBeVisible()
  await expect(page.getByTestId('conflict-adopt')).toHaveAccessibleDescription(
    'Your account gets the notes of this device as well. You can undo it.',
  )
  for (const name of ['adopt', 'switch', 'cancel', 'later', 'ask-discard']) {
    await page.keyboard.press('Tab')
    // The close button comes first: it stands beside the heading.
    if (name === 'adopt') await page.keyboard.press('Tab')
    await expect(page.getByTestId(`conflict-${name}`)).toBeFocused()
  }
  for (let steps = 0; steps < 4; steps++) await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Enter')
  await second.waitForState({ authMode: 'external', phase: 'ready' })
  await expect(page.getByTestId('account-menu')).toBeFocused()
})

test('offline in the middle nothing is decided and nothing lost; online it goes on', async ({ openNotes }) => {
  const { second, here } = await conflicted(openNotes)
  const { page } = second
  await readyForOffline(page)
  await second.goOffline()
  await page.reload()
  await expect(dialogOf(page)).toBeVisible()
  await expect(page.getByTestId('conflict-there')).toContainText('Unavailable')
  await page.getByTestId('conflict-adopt').click()
  await expect(page.getByTestId('conflict-error')).toContainText('cannot be reached')
  expect(await second.state()).toMatchObject({ phase: 'conflict', session: { principal: here } })
  await second.goOnline()
  await decide(second, 'adopt')
  await expectNotes(page, ...adoptedNotes)
})

test('an adoption whose answer was lost is found done, once', async ({ openNotes }) => {
  const { second, here, account } = await conflicted(openNotes)
  const { page } = second
  await page.route('**/api/auth/latchkey/link', async (route) => {
    expect((await route.fetch()).status()).toBe(200)
    await route.abort()
  })
  await page.getByTestId('conflict-adopt').click()
  await expect(page.getByTestId('conflict-error')).toContainText('cannot be reached')
  await page.unroute('**/api/auth/latchkey/link')
  await page.reload()
  await decide(second, 'adopt')
  expect((await second.state()).session?.principals).toEqual([account, here])
  await expectNotes(page, ...adoptedNotes)
})

test('a tab that dies right after the adoption leaves the notes to the next start', async ({ openNotes }) => {
  const { second } = await conflicted(openNotes)
  await second.page.keyboard.press('Escape')
  await second.page.route('**/api/notes/*', (route) =>
    route.request().method() === 'PUT' ? route.abort() : route.continue(),
  )
  await writeNote(second.page, 'Not sent yet')
  await expect.poll(() => second.page.evaluate(notesOnDisk)).toContain('Not sent yet')
  await second.page.getByTestId('conflict-decide').click()
  // The library commits, and the page never gets to move a row.
  await second.page.evaluate(() => {
    IDBDatabase.prototype.transaction = new Proxy(IDBDatabase.prototype.transaction, {
      apply: (target, database: IDBDatabase, given: Parameters<IDBDatabase['transaction']>) => {
        if (database.name === 'latchkey-notes' && given[1] === 'readwrite') throw new DOMException('gone')
        return Reflect.apply(target, database, given)
      },
    })
  })
  await second.page.getByTestId('conflict-adopt').click()
  await second.waitForState({ authMode: 'external' })
  await second.page.close()
  const page = await second.newTab('/')
  await expectNotes(page, 'Not sent yet', ...adoptedNotes)
  await expectSynced(page)
})

test('two tabs: the question is in both, one answer counts for both', async ({ openNotes }) => {
  const { ada, second, account } = await twoDevices(openNotes)
  const other = await second.newTab('/')
  await second.waitForState({ phase: 'ready' }, { page: other })
  await enter(second.page, 'sign-in', ada)
  await second.waitForState({ phase: 'conflict' }, { page: other })
  // An unrequested dialog would be in the way of what is being written there.
  await expect(dialogOf(other)).toBeHidden()
  await other.getByTestId('conflict-decide').click()
  await expect(dialogOf(other)).toBeVisible()
  await decide(second, 'adopt')
  expect((await second.waitForState({ authMode: 'external' }, { page: other })).session?.principal).toBe(account)
  await expect(dialogOf(other)).toBeHidden()
  await expectNotes(other, ...adoptedNotes)
})

test('an account that appears from outside waits for a word: not me', async ({ openNotes }) => {
  const { ada, second, here } = await twoDevices(openNotes)
  const { page } = second
  await signInOutside(page, ada)
  await expect(page.getByTestId('waiting-notice')).toContainText(ada.email)
  await page.getByTestId('waiting-cancel').click()
  expect(await second.waitForState({ phase: 'ready' })).toMatchObject({
    authMode: 'local-first',
    session: { principal: here },
  })
  await page.reload()
  await second.waitForState({ phase: 'ready' })
  await expect(page.getByTestId('waiting-notice')).toBeHidden()
})

test('an account that appears from outside waits for a word: that is me', async ({ openNotes }) => {
  const { ada, second } = await twoDevices(openNotes)
  const { page } = second
  await signInOutside(page, ada)
  await page.getByTestId('waiting-use').click()
  await expect(dialogOf(page)).toBeVisible()
  await decide(second, 'adopt')
  await expectNotes(page, ...adoptedNotes)
})

/** As by a page of the same site that knows nothing of Latchkey. */
async function signInOutside(page: Page, person: Person): Promise<void> {
  await page.evaluate(
    (body) =>
      fetch('/api/auth/sign-in/email', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    person,
  )
  await page.reload()
  await expect(page.getByTestId('waiting-notice')).toBeVisible()
}

function notesOnDisk(): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('latchkey-notes')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const reading = opening.result.transaction('notes').objectStore('notes').getAll() as IDBRequest<
        { title: string }[]
      >
      reading.onsuccess = () => resolve(reading.result.map(({ title }) => title))
    }
  })
}
