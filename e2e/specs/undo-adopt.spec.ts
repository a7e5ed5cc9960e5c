import { adoptedNotes, conflicted, decide, openKeptAside, undo } from '../support/conflicts.ts'
import { enter, expect, expectNotes, expectSynced, newPerson, signUp, test, writeNote } from '../support/notes.ts'

test('undo: the notes go back to this device, kept aside, and can be adopted once more (checklist 27: undo)', async ({
  openNotes,
}) => {
  const { ada, first, second, here, account } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'adopt')
  await writeNote(page, 'Written since')
  await expectSynced(page)
  await undo(second)
  await expectNotes(page, 'Written since', 'In the account')
  expect((await second.state()).session?.principals).toEqual([account])
  await page.reload()
  await expectNotes(page, 'Written since', 'In the account')
  await expectSynced(page)
  await first.page.reload()
  await expectNotes(first.page, 'Written since', 'In the account')
  await expectSynced(first.page)

  await openKeptAside(second)
  expect(await second.principal()).toBe(here)
  await expectNotes(page, 'On the second device')
  await enter(page, 'sign-in', ada)
  await decide(second, 'adopt')
  await expectNotes(page, 'Written since', ...adoptedNotes)
})

test('undo gives back what was written before the adoption and sent after it, too', async ({ openNotes }) => {
  const { second } = await conflicted(openNotes)
  const { page } = second
  await page.keyboard.press('Escape')
  await page.route('**/api/notes/*', (route) => (route.request().method() === 'PUT' ? route.abort() : route.continue()))
  await writeNote(page, 'Not sent yet')
  await page.getByTestId('conflict-decide').click()
  await decide(second, 'adopt')
  await page.unroute('**/api/notes/*')
  await page.reload()
  await expectNotes(page, 'Not sent yet', ...adoptedNotes)
  await expectSynced(page)
  await undo(second)
  await expectNotes(page, 'In the account')
  await expectSynced(page)
})

test('undo on the other device: it says whose notes go, and they are gone from there', async ({ openNotes }) => {
  const { first, second } = await conflicted(openNotes)
  await decide(second, 'adopt')
  await first.page.reload()
  await expectNotes(first.page, ...adoptedNotes)
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('adopted').getByRole('button', { name: 'Undo' }).click()
  await expect(first.page.getByTestId('undo-words')).toContainText('back to the device that wrote')
  await first.page.getByTestId('undo-anyway').click()
  await expectNotes(first.page, 'In the account')
  await second.page.reload()
  await expectNotes(second.page, 'In the account')
  await expectSynced(second.page)
  await openKeptAside(second)
  await expectNotes(second.page, 'On the second device')
})

test('undo offline changes nothing and says so', async ({ openNotes }) => {
  const { second, here, account } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'adopt')
  await expectNotes(page, ...adoptedNotes)
  await second.goOffline()
  await undo(second)
  await expect(page.getByTestId('undo-words')).toContainText('cannot be reached')
  await page.getByTestId('undo-keep').click()
  expect((await second.state()).session?.principals).toEqual([account, here])
  await expectNotes(page, ...adoptedNotes)
})

test('notes that another account may still claim are not taken by a new one', async ({ openNotes }) => {
  const { second, here } = await conflicted(openNotes)
  const { page } = second
  await decide(second, 'adopt')
  await undo(second)
  await expectNotes(page, 'In the account')
  await openKeptAside(second)

  await enter(page, 'sign-up', newPerson())
  await expect(page.getByTestId('auth-error')).toContainText('belong to another account')
  expect(await second.state()).toMatchObject({ authMode: 'local-first', session: { principal: here } })
  await page.getByTestId('auth-close').click()

  const bob = newPerson()
  await signUp(await openNotes(), bob)
  await enter(page, 'sign-in', bob)
  await page.getByTestId('conflict-adopt').click()
  await expect(page.getByTestId('conflict-heading')).toHaveText('These notes belong to another account')
  await expect(page.getByTestId('conflict-adopt')).toBeHidden()
  await decide(second, 'cancel')
  await expectNotes(page, 'On the second device')
})
