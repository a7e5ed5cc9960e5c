import { expect, expectNotes, expectSynced, readyForOffline, test, writeNote } from '../support/notes.ts'

test('a first visit owns an identity at once, without a form', async ({ openNotes }) => {
  const { page, state } = await openNotes()
  const { authMode, session } = await state()
  expect(authMode).toBe('local-first')
  await expect(page.getByTestId('mode')).toHaveText('No account yet')
  await expect(page.getByTestId('principal')).toHaveText(session!.principal.slice(0, 8))
  await expect(page.getByTestId('nudge')).toBeHidden()
})

test('the app opens again without a network, with the same identity (checklist 30: no network)', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const principal = await device.principal()
  await readyForOffline(device.page)
  await device.goOffline()
  await device.page.reload()
  await device.waitForState({ phase: 'ready' })
  expect(await device.principal()).toBe(principal)
  await expect(device.page.getByTestId('mode')).toHaveText('No account yet')
})

test('what was written offline is there after a reload, and synced when the network is back (checklist 31: fixtures for Playwright)', async ({
  openNotes,
}) => {
  const device = await openNotes()
  const { page } = device
  await readyForOffline(page)
  await device.goOffline()
  await writeNote(page, 'Written offline')
  await expect(page.getByTestId('unsynced')).toHaveAttribute('data-count', '1')
  await page.reload()
  await expectNotes(page, 'Written offline')
  await expect(page.getByTestId('unsynced')).toHaveAttribute('data-count', '1')
  await device.goOnline()
  await expectSynced(page)
})

test('a nudge appears once there is something to lose, and stays away when dismissed', async ({ openNotes }) => {
  const { page } = await openNotes()
  await writeNote(page, 'Something to lose')
  await expect(page.getByTestId('nudge')).toBeVisible()
  await page.getByTestId('nudge-dismiss').click()
  await expect(page.getByTestId('nudge')).toBeHidden()
  await page.reload()
  await expectNotes(page, 'Something to lose')
  await expect(page.getByTestId('nudge')).toBeHidden()
})

/** A token lasts 15 minutes, and is replaced a minute before: this device's clock is behind by almost as much. */
const ALMOST_A_TOKEN = 14 * 60_000 + 20_000

test('a token that expires is replaced without a visible change (checklist 31: fixtures for Playwright)', async ({
  openNotes,
}) => {
  const device = await openNotes({ clockOffset: -ALMOST_A_TOKEN })
  const { page } = device
  const bearers = new Set<string>()
  page.on('request', (request) => {
    const bearer = request.headers()['authorization']
    if (bearer !== undefined) bearers.add(bearer)
  })
  await writeNote(page, 'Before')
  await expectSynced(page)
  const before = await device.state()
  const used = bearers.size
  await device.passTime(ALMOST_A_TOKEN)
  await writeNote(page, 'After')
  await expectSynced(page)
  expect(bearers.size).toBeGreaterThan(used)
  expect(await device.state()).toEqual(before)
})

test('a token that the server calls expired is replaced without a visible change', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await writeNote(page, 'Before')
  await expectSynced(page)
  const before = await device.state()
  let refusals = 0
  await page.route('**/api/notes/*', (route) => {
    if (refusals++) return route.continue()
    return route.fulfill({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' },
    })
  })
  await writeNote(page, 'After')
  await expectSynced(page)
  expect(refusals).toBeGreaterThan(1)
  expect(await device.state()).toEqual(before)
})

test("two people on two devices never see each other's notes (checklist 31: fixtures for Playwright)", async ({
  openNotes,
}) => {
  const [ada, bob] = [await openNotes(), await openNotes()]
  await writeNote(ada.page, 'Of Ada')
  await expectSynced(ada.page)
  await writeNote(bob.page, 'Of Bob')
  await expectSynced(bob.page)
  await ada.page.reload()
  await expectNotes(ada.page, 'Of Ada')
  await expectNotes(bob.page, 'Of Bob')
  expect(await ada.principal()).not.toBe(await bob.principal())
})
