import {
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

test('signing up keeps the identity and every note (checklist 6: the same principal)', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Before the account')
  const principal = await device.principal()
  const ada = newPerson()
  await signUp(device, ada)
  expect(await device.principal()).toBe(principal)
  await expectNotes(page, 'Before the account')
  await expectSynced(page)
  await expect(page.getByTestId('mode')).toHaveText(ada.email)
  await expect(page.getByTestId('nudge')).toBeHidden()
})

test('notes written offline survive the sign-up and reach the server afterwards', async ({ openNotes }) => {
  const device = await openNotes()
  await readyForOffline(device.page)
  await device.goOffline()
  await writeNote(device.page, 'Offline, before the account')
  await device.goOnline()
  const ada = newPerson()
  await signUp(device, ada)
  await expectSynced(device.page)
  const second = await openNotes()
  await signIn(second, ada)
  await expectNotes(second.page, 'Offline, before the account')
})

test('a reload finds the account, also without a network', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Mine')
  await signUp(device, newPerson())
  await expectSynced(page)
  // The claims come with the account's first token.
  await expect.poll(async () => (await device.state()).session?.claims).toHaveProperty('email')
  const { session } = await device.state()

  await page.reload()
  expect((await device.waitForState({ authMode: 'external', phase: 'ready' })).session).toEqual(session)
  await expectNotes(page, 'Mine')

  await readyForOffline(page)
  await device.goOffline()
  await page.reload()
  expect((await device.waitForState({ authMode: 'external', phase: 'ready' })).session).toEqual(session)
  await expectNotes(page, 'Mine')
  await writeNote(page, 'Offline, with an account')
  await device.goOnline()
  await expectSynced(page)
})

test('after signing out no identity is current; signing in brings the same person back', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Mine')
  const ada = newPerson()
  await signUp(device, ada)
  await expectSynced(page)
  const principal = await device.principal()

  await signOut(device)
  expect(await device.principal()).toBeNull()
  await expect(page.getByTestId('note-item')).toHaveCount(0)
  await page.reload()
  expect((await device.waitForState({ phase: 'ready' })).authMode).toBe('anonymous')

  await signIn(device, ada)
  expect(await device.principal()).toBe(principal)
  await expectNotes(page, 'Mine')
})

test('the next person on the device starts with nothing of the one before', async ({ openNotes }) => {
  const device = await openNotes()
  await writeNote(device.page, 'Private')
  await signUp(device, newPerson())
  await expectSynced(device.page)
  const before = await device.principal()
  await signOut(device)
  await device.page.getByTestId('start-writing').click()
  await device.waitForState({ authMode: 'local-first' })
  expect(await device.principal()).not.toBe(before)
  await expect(device.page.getByTestId('note-title')).toBeFocused()
  await expect(device.page.getByTestId('note-item').filter({ hasText: 'Private' })).toHaveCount(0)
})

test('a second device that holds nothing gets the account without a question (checklist 27: an empty device is never asked)', async ({
  openNotes,
}) => {
  const first = await openNotes()
  await writeNote(first.page, 'From the first device')
  const ada = newPerson()
  await signUp(first, ada)
  await expectSynced(first.page)

  const second = await openNotes()
  await signIn(second, ada)
  expect(await second.principal()).toBe(await first.principal())
  await expectNotes(second.page, 'From the first device')
})

test('a wrong password leaves everything as before', async ({ openNotes }) => {
  const other = await openNotes()
  const ada = newPerson()
  await signUp(other, ada)
  const device = await openNotes()
  const { authMode, session } = await device.state()
  await enter(device.page, 'sign-in', { ...ada, password: 'wrong password' })
  await expect(device.page.getByTestId('auth-error')).toHaveText('The e-mail address or the password is wrong.')
  expect(await device.state()).toMatchObject({ authMode, session, phase: 'ready' })
})

test('a network that fails during the sign-up leaves everything as before', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Mine')
  await expectSynced(page)
  const { session } = await device.state()
  await page.route('**/api/auth/sign-up/email', (route) => route.abort())
  const ada = newPerson()
  await enter(page, 'sign-up', ada)
  await expect(page.getByTestId('auth-error')).toContainText('cannot be reached')
  expect(await device.state()).toMatchObject({ authMode: 'local-first', session, phase: 'ready' })

  await page.unroute('**/api/auth/sign-up/email')
  await page.getByTestId('auth-submit').click()
  expect((await device.waitForState({ authMode: 'external' })).session?.principal).toBe(session!.principal)
})

test('with the answer to the sign-up lost after the server committed, signing in finds the same identity', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Mine')
  const { session } = await device.state()
  const lost = await device.loseAnswer('**/api/auth/sign-up/email')
  const ada = newPerson()
  await enter(page, 'sign-up', ada)
  expect(await lost.status).toBe(200)
  await expect(page.getByTestId('auth-error')).not.toBeEmpty()
  expect(await device.state()).toMatchObject({ authMode: 'local-first', session, phase: 'ready' })
  await page.getByTestId('auth-close').click()

  await signIn(device, ada)
  expect(await device.principal()).toBe(session!.principal)
  await expectNotes(page, 'Mine')
})

test('two tabs see the upgrade at once, and the sign-out', async ({ openNotes }) => {
  const device = await openNotes()
  await writeNote(device.page, 'Mine')
  const other = await device.newTab('/')
  await device.waitForState({ authMode: 'local-first' }, { page: other })
  await signUp(device, newPerson())
  const state = await device.waitForState({ authMode: 'external' }, { page: other })
  expect(state.session?.principal).toBe(await device.principal())
  await expectSynced(device.page)
  await signOut(device)
  await device.waitForState({ authMode: 'anonymous' }, { page: other })
  await expect(other.getByTestId('note-item')).toHaveCount(0)
})

test('a restarted server knows everybody again', async ({ app, openNotes }) => {
  const device = await openNotes()
  await writeNote(device.page, 'Before the restart')
  await signUp(device, newPerson())
  await expectSynced(device.page)
  await app.restart()
  await device.page.reload()
  await expectNotes(device.page, 'Before the restart')
  await writeNote(device.page, 'After the restart')
  await expectSynced(device.page)
})
